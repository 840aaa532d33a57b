import { join } from "node:path";
import { OciSource } from "../../../../src/image/oci/source.ts";
import { ImageService } from "../../../../src/image/service.ts";
import { HttpClient } from "../../../../src/lib/http/client.ts";
import { FakeSource } from "../../images.ts";

/** The images of a daemon whose state and cache are in a directory; there may be several of it at once. */
export function makeService(
  directory: string,
  options: { stallTimeout?: number } = {},
): { service: ImageService; close: () => void } {
  const http = new HttpClient({ env: {}, ...options });
  const oci = new OciSource({ http, blobs: blobsOf(directory), kernel: "usual", env: {} });
  const service = new ImageService({
    directory: imagesOf(directory),
    sources: { debian: new FakeSource() },
    oci,
    catalog: [],
  });
  return { service, close: () => http.close() };
}

export function imagesOf(directory: string): string {
  return join(directory, "images");
}

export function blobsOf(directory: string): string {
  return join(directory, "blobs");
}
