import { type Context, step } from "../../lib/context.ts";
import type { HttpGetter } from "../../lib/http/client.ts";
import type { ImageConfig } from "../../model/image.ts";
import type { ImageDescription } from "../store/store.ts";
import { Budget, type ImageLimits, usualLimits } from "./budget.ts";
import { fetchImage } from "./fetch.ts";
import { flatten } from "./flatten.ts";
import { LayerStore } from "./layer-store.ts";
import type { OciConfig } from "./manifest.ts";
import { parsePlatform } from "./platform.ts";
import { formatReference, type OciReference } from "./reference.ts";

export interface OciSourceOptions {
  http: HttpGetter;
  /** Directory of the blobs (`blobDirectory`). */
  blobs: string;
  /** The kernel of images for which none was asked for. */
  kernel: string;
  /** Where Docker's configuration is found. Default: this process. */
  env?: NodeJS.ProcessEnv;
  limits?: ImageLimits;
}

export interface OciRequest {
  /** Default `linux/amd64`. */
  platform?: string | undefined;
  kernel?: string | undefined;
  /** Bytes of the root file system. */
  size?: number | undefined;
  /** Speak plain HTTP to a registry without TLS. */
  insecure?: boolean | undefined;
}

/** Images of registries as root file systems. */
export class OciSource {
  readonly #options: OciSourceOptions;
  readonly #layers: LayerStore;

  constructor(options: OciSourceOptions) {
    this.#options = options;
    this.#layers = new LayerStore(options.blobs);
  }

  /** Removes what an earlier process left half-made. */
  async removeLeftovers(): Promise<void> {
    await this.#layers.removeLeftovers();
  }

  /**
   * Writes the root file system of an image to `path`, which does not exist.
   *
   * @throws invalid_value, unsupported_here, and what `fetchImage` and `flatten` throw
   */
  async build(
    reference: OciReference,
    request: OciRequest,
    path: string,
    context: Context,
  ): Promise<ImageDescription> {
    const { http, blobs, env = process.env, limits = usualLimits } = this.#options;
    const name = formatReference(reference);
    const platform = parsePlatform(request.platform ?? "linux/amd64");
    const budget = new Budget(name, limits);
    const options = { http, blobs, env, platform, insecure: request.insecure ?? false };
    await using opened = new AsyncDisposableStack();
    const { digest, config, layers } = await step(context, "image.layers", "downloading layers", () =>
      fetchImage(reference, options, context, async (layer, scoped) =>
        opened.use(await this.#layers.open(layer, { reference: name, limits, budget }, scoped)),
      ),
    );
    const size = request.size === undefined ? {} : { size: request.size };
    const { sha256, init, distro } = await step(context, "image.rootfs", "writing the root file system", () =>
      flatten(layers, { path, digest, ...size }, context),
    );
    return {
      sha256,
      arch: "amd64",
      distro: distro ?? "linux",
      kernel: request.kernel ?? this.#options.kernel,
      ...(init === undefined ? {} : { init }),
      config: imageConfig(config),
      source: { kind: "oci", detail: `${name} (${digest})` },
    };
  }
}

/** Empty texts mean nothing, as to Docker. */
function imageConfig({ config }: OciConfig): ImageConfig {
  const { User, Env, Entrypoint, Cmd, WorkingDir } = config ?? {};
  return {
    env: Env ?? [],
    entrypoint: Entrypoint ?? [],
    cmd: Cmd ?? [],
    ...(User ? { user: User } : {}),
    ...(WorkingDir ? { workdir: WorkingDir } : {}),
  };
}
