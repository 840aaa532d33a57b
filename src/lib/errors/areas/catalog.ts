import { define, show } from "../define.ts";

/** Catalogs of images that the configuration names. */
export const catalogErrors = {
  catalog_unusable: define<{ name: string; url: string; problem: string }>({
    status: 502,
    message: (p) => `the catalog ${show(p.name)} (${p.url}) cannot be used: ${p.problem}`,
    remedy: () => "Check its url and public_key in config.toml, then run `banger catalog update`",
    when: "A catalog cannot be fetched, is not signed with the key in the configuration, or does not follow the format.",
  }),
  catalog_source_invalid: define<{ url: string; problem: string }>({
    status: 422,
    message: (p) => `the bundle at ${show(p.url)} cannot be used: ${p.problem}`,
    remedy: () => "Tell whoever publishes the catalog: what it names and what is there differ",
    when: "The bundle that a catalog names is at a place that is not allowed, or is another file than the catalog says.",
  }),
};
