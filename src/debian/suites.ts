/** A folder `dists/<name>` of a mirror. */
export interface Suite {
  name: string;
  mirror: string;
}

export interface Mirrors {
  mirror: string;
  securityMirror: string;
}

/** What makes up a release for those who keep it up to date: itself, its updates, its security updates. */
export function suitesOf(codename: string, mirrors: Mirrors): Suite[] {
  const mirror = withoutSlash(mirrors.mirror);
  return [
    { name: codename, mirror },
    { name: `${codename}-updates`, mirror },
    { name: `${codename}-security`, mirror: withoutSlash(mirrors.securityMirror) },
  ];
}

export function folderOf(suite: Suite): string {
  return `${suite.mirror}/dists/${suite.name}`;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
