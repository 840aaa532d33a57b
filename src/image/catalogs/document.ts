import { fault, messageOf } from "../../lib/errors/error.ts";
import { checkMinisign, parseMinisignKey } from "../../lib/minisign.ts";
import { type CatalogDocument, catalogDocumentSchema } from "../../model/catalog.ts";
import type { Published } from "./fetch.ts";

/**
 * Checks a catalog's signature, and only then looks at what it says.
 *
 * @throws catalog_unusable
 */
export function readCatalog(
  { name, url, publicKey }: { name: string; url: string; publicKey: string },
  { document, signature }: Published,
): CatalogDocument {
  const unusable = (problem: string, cause?: unknown): Error =>
    fault("catalog_unusable", { name, url, problem }, cause);
  const key = parseMinisignKey(publicKey);
  if (!key) throw unusable("its public_key is no key of minisign");
  const wrong = checkMinisign(document, signature.toString("utf8"), key);
  if (wrong) throw unusable(`its signature is refused: ${wrong}`);
  let data: unknown;
  try {
    data = JSON.parse(document.toString("utf8"));
  } catch (error) {
    throw unusable(`it is not JSON: ${messageOf(error)}`, error);
  }
  const parsed = catalogDocumentSchema.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.length ? `${issue.path.join(".")}: ` : "";
    throw unusable(`it is not valid: ${where}${issue?.message ?? "no reason given"}`, parsed.error);
  }
  const names = parsed.data.images.map((entry) => entry.name);
  const twice = names.find((one, i) => names.indexOf(one) !== i);
  if (twice !== undefined) throw unusable(`it has the image ${twice} twice`);
  return parsed.data;
}
