import { z } from "zod";
import { imageCatalogEntrySchema } from "./image.ts";

/** A catalog of images that somebody publishes, signed: the file at the URL of `[[catalogs]]`. */
export const catalogDocumentSchema = z.object({
  version: z.literal(1),
  /** A document that is older than one that was seen before is refused. */
  created: z.iso.datetime(),
  images: z.array(imageCatalogEntrySchema).max(10_000),
});
export type CatalogDocument = z.infer<typeof catalogDocumentSchema>;

/** A catalog of the configuration, and what is known of it on this host. */
export const catalogSchema = z.object({
  name: z.string(),
  url: z.string(),
  /** How many images it has; absent when there is no copy. */
  images: z.int().optional(),
  /** When its publisher made it, and when this host fetched it. */
  created: z.iso.datetime().optional(),
  fetched: z.iso.datetime().optional(),
  /** Whether the next use asks for a newer one. */
  stale: z.boolean(),
  /** Why there is no copy that can be used, or no newer one. */
  problem: z.string().optional(),
});
export type Catalog = z.infer<typeof catalogSchema>;
