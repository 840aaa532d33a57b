import { define } from "../define.ts";

/** Ports and names of machines on this host. */
export const networkErrors = {
  port_published: define<{ port: number }>({
    status: 409,
    message: (p) => `port ${p.port} of this host is published already`,
    remedy: () => "Publish another one; `banger vm ports` shows those of a machine",
    when: "`--publish` names a port of the host that leads to another machine, or names one twice.",
  }),
  port_unavailable: define<{ port: number; reason: string }>({
    status: 409,
    message: (p) => `port ${p.port} cannot be opened on this host: ${p.reason}`,
    remedy: () => "Choose another port",
    when: "`vm forward` was given a port that is taken, or that only root may open.",
  }),
};
