import { resolve } from "node:path";
import { fault } from "../../../lib/errors/error.ts";
import type { BuildImage, BuildStep } from "../../../model/api/build.ts";
import { requireFlag } from "../../args/require.ts";
import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import { requireHostTools } from "../../setup/require.ts";
import type { imageBuild } from "../../specs/image.ts";
import type { World } from "../../world.ts";

export async function run(invocation: Invocation<typeof imageBuild>, world: World): Promise<number> {
  const { flags } = invocation;
  const request = buildRequest(invocation);
  await requireHostTools(world, "machine");
  const banger = world.connect();
  const image = await operate(world, flags, (call) => banger.images.build(request, call));
  if (flags.json) printJson(world.stdout, image);
  else world.stdout.write(`${image.id}\n`);
  return 0;
}

function buildRequest({ flags, order }: Invocation<typeof imageBuild>): BuildImage {
  const { kernel, vcpu, memory, size } = flags;
  return {
    from: requireFlag("image build", "--from IMAGE", flags.from),
    name: requireFlag("image build", "--name NAME", flags.name),
    steps: order.flatMap(stepOf),
    env: flags.env,
    ...(kernel === undefined ? {} : { kernel }),
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(memory === undefined ? {} : { memory }),
    ...(size === undefined ? {} : { size }),
    ...(flags.nat ? { nat: true } : {}),
    ...(flags["keep-failed"] ? { keepFailed: true } : {}),
  };
}

function stepOf({ flag, value }: Invocation<typeof imageBuild>["order"][number]): BuildStep[] {
  switch (flag) {
    case "run":
      return [{ kind: "run", script: resolve(value) }];
    case "run-command":
      return [{ kind: "command", command: value }];
    case "copy":
      return [copyOf(value)];
    default:
      return [];
  }
}

/** The path in the machine begins with a slash, so that the last colon before one is the border. */
function copyOf(value: string): BuildStep {
  const border = value.lastIndexOf(":/");
  if (border < 1) {
    throw fault("invalid_value", { what: "--copy", value, expected: "SRC:DST with an absolute DST" });
  }
  const from = value.slice(0, border);
  // What a path's end says of a directory's content is lost when it is resolved.
  const source = /(^|\/)\.$/.test(from) ? `${resolve(from)}/.` : resolve(from);
  return { kind: "copy", source, target: value.slice(border + 1) };
}
