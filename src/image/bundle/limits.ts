/** What a bundle may make this host go through. */
export interface BundleLimits {
  /** Bytes of its root file system, holes included. */
  size: number;
  /** Bytes of its manifest. */
  manifest: number;
  /** Bytes of data, zeros not counted, for each of the bundle, once it has more than `plausible` of them. */
  ratio: number;
  plausible: number;
}

export const usualBundleLimits: BundleLimits = {
  size: 2 ** 38,
  manifest: 2 ** 20,
  ratio: 200,
  plausible: 2 ** 30,
};
