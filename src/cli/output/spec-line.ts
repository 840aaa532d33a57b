import { formatSize } from "../../lib/size.ts";
import type { Defaults } from "../../model/api/answers.ts";
import type { CreateVm } from "../../model/api/requests.ts";

/** What a machine is going to be: `spec: 1 vcpu · 2.9 GiB memory · 8 GiB disk · debian-bookworm`. */
export function specLine(request: CreateVm, defaults: Defaults): string {
  const parts = [
    `${request.vcpu ?? defaults.vcpu} vcpu`,
    `${formatSize(request.memory ?? defaults.memory)} memory`,
    `${formatSize(request.disk ?? defaults.disk)} disk`,
    request.image ?? defaults.image,
    ...(request.kernel === undefined ? [] : [request.kernel]),
    ...(request.nat ? ["nat"] : []),
  ];
  return `spec: ${parts.join(" · ")}`;
}
