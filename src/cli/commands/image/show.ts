import { formatSize } from "../../../lib/size.ts";
import type { Image } from "../../../model/image.ts";
import type { Invocation } from "../../args/spec.ts";
import { details } from "../../output/details.ts";
import { moment } from "../../output/time.ts";
import type { imageShow } from "../../specs/image.ts";
import type { World } from "../../world.ts";
import { showEach } from "../show-each.ts";

export async function run(
  { flags, positionals }: Invocation<typeof imageShow>,
  world: World,
): Promise<number> {
  const banger = world.connect();
  const show = (ref: string): Promise<Image> => banger.images.show(ref, { verify: flags.verify });
  const describe = (image: Image): string => imageDetails(image, world.now());
  return await showEach(world, flags, positionals, show, describe);
}

function imageDetails(image: Image, now: number): string {
  const broken = image.problem !== undefined;
  return details([
    ["name", image.name],
    ["id", image.id],
    ["problem", image.problem],
    ["distribution", image.distro],
    ["architecture", image.arch],
    ["kernel", image.kernel],
    ["init", broken ? image.init : (image.init ?? "banger's own")],
    ["size", image.rootfs && formatSize(image.rootfs.size)],
    ["on disk", formatSize(image.used)],
    ["sha256", image.rootfs?.sha256],
    ["source", image.source && `${image.source.kind}: ${image.source.detail}`],
    ["made from", image.origin && `${image.origin.image.name} (${image.origin.image.id})`],
    ...(image.origin?.steps ?? []).map((step, at) => [`step ${at + 1}`, step] as const),
    ["used by", image.vms?.length ? image.vms.join(", ") : undefined],
    ["created", moment(image.createdAt, now)],
  ]);
}
