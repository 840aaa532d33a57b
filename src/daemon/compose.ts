import { join } from "node:path";
import type { Logger } from "pino";
import { DebianArchive } from "../debian/archive.ts";
import { connectAgent } from "../guest/connect.ts";
import { DebianBuilder } from "../image/debian/builder.ts";
import { writeModulesDrive } from "../image/modules-drive.ts";
import { blobDirectory } from "../image/oci/fetch.ts";
import { OciSource } from "../image/oci/source.ts";
import { ImageService } from "../image/service.ts";
import { KernelService } from "../kernel/service.ts";
import { agentBinary } from "../lib/agent-binary.ts";
import { HttpClient } from "../lib/http/client.ts";
import { sparingLoopback } from "../lib/http/proxy.ts";
import { type Paths, packageRoot } from "../lib/paths.ts";
import { build, version } from "../lib/version.ts";
import type { DaemonInfo } from "../model/api/answers.ts";
import type { Config } from "../model/config.ts";
import { Database } from "../store/database.ts";
import { VmRepository } from "../store/vm-repository.ts";
import { hostSize } from "../vm/host-size.ts";
import type { VmParts } from "../vm/parts.ts";
import { usualDeadlines } from "../vm/parts.ts";
import { VmService } from "../vm/service.ts";
import { SshAccess } from "../vm/ssh/access.ts";
import type { SshClientSetup } from "../vm/ssh/client-files.ts";
import { TemplateStore } from "../vm/templates/store.ts";
import { VmFiles } from "../vm/vm-files.ts";
import { AccelerationService } from "../vmm/acceleration.ts";
import { QemuDriver } from "../vmm/qemu/driver.ts";
import type { Composition } from "./daemon.ts";
import { makeDoctor } from "./doctor/doctor.ts";
import { OperationRegistry } from "./operations/registry.ts";
import type { Services } from "./services.ts";

export interface ComposeOptions {
  paths: Paths;
  config: Config;
  log: Logger;
  /** Begins the daemon's end. */
  shutdown: () => void;
}

/**
 * Makes all services of the daemon and takes over the machines that run.
 *
 * @throws database_newer, database_corrupt, directory_not_writable, no_space, invalid_value
 */
export async function compose({ paths, config, log, shutdown }: ComposeOptions): Promise<Composition> {
  // First of all, because whether this daemon may run at all is decided by the database.
  const database = Database.open(paths.database);
  try {
    const archive = makeArchive(paths, config);
    const acceleration = new AccelerationService({ directory: join(paths.cache, "probe") });
    const kernels = new KernelService({
      directory: paths.kernels,
      cache: paths.cache,
      archive,
      agentBinary: agentBinary(),
      writeModules: writeModulesDrive,
    });
    const http = new HttpClient({ env: sparingLoopback(process.env) });
    const images = makeImages(paths, config, archive, http, log);
    const repository = new VmRepository(database);
    const files = new VmFiles(paths);
    const vmLog: VmParts["log"] = (message, details) => log.info(details ?? {}, message);
    const ssh = new SshAccess({
      directory: paths.ssh,
      files,
      vms: repository,
      proxy: sshProxy(process.env),
      authorizedKeys: config.ssh.authorized_keys,
      log: vmLog,
    });
    const vms = new VmService({
      vms: repository,
      files,
      ssh,
      templates: new TemplateStore(paths.templates),
      driver: new QemuDriver(),
      images,
      kernels,
      chooseAccelerator: async (context) => (await acceleration.choose(config.accelerator, context)).name,
      kernelCommandLine: (accelerator) => acceleration.kernelCommandLine(accelerator),
      connect: connectAgent,
      config,
      host: hostSize(),
      deadlines: usualDeadlines,
      log: vmLog,
    });
    await images.removeLeftovers();
    await vms.reconcile();
    const services: Services = {
      vms,
      images,
      kernels,
      operations: new OperationRegistry(),
      doctor: makeDoctor({ paths, config, acceleration, archive, images }),
      defaults: () => ({ image: config.default_image_name, ...vms.defaults() }),
      info: makeInfo(paths, repository),
      shutdown,
    };
    const close = async (): Promise<void> => {
      await vms.close();
      archive.close();
      http.close();
      database[Symbol.dispose]();
    };
    return { services, close };
  } catch (error) {
    database[Symbol.dispose]();
    throw error;
  }
}

function makeArchive(paths: Paths, { archive }: Config): DebianArchive {
  return new DebianArchive({
    mirror: archive.mirror,
    securityMirror: archive.security_mirror,
    checkValidUntil: archive.check_valid_until,
    downloads: paths.downloads,
  });
}

function makeImages(
  paths: Paths,
  config: Config,
  archive: DebianArchive,
  http: HttpClient,
  log: Logger,
): ImageService {
  const debian = new DebianBuilder({
    mirror: config.archive.mirror,
    securityMirror: config.archive.security_mirror,
    archive,
    workspaces: join(paths.cache, "build"),
    log: (line) => log.debug({ builder: line }, "image builder"),
  });
  const oci = new OciSource({ http, blobs: blobDirectory(paths.cache), kernel: "generic-6.1" });
  return new ImageService({ directory: paths.images, sources: { debian }, oci });
}

/** What ssh runs to reach a machine: this program, wherever ssh is run from, and with the directories that this daemon has. */
function sshProxy(env: NodeJS.ProcessEnv): SshClientSetup["proxy"] {
  const bundled = !import.meta.filename.endsWith(".ts");
  const program = join(packageRoot(), bundled ? "dist/cli.js" : "src/cli/main.ts");
  const names = ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"];
  const kept = names.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  return { command: [process.execPath, program, "vm", "ssh-proxy"], env: Object.fromEntries(kept) };
}

function makeInfo(paths: Paths, vms: VmRepository): () => Promise<DaemonInfo> {
  const startedAt = new Date().toISOString();
  return async () => {
    const all = vms.all();
    return {
      version: version(),
      build: build(),
      api: "v1",
      pid: process.pid,
      socket: paths.socket,
      state: paths.state,
      log: paths.log,
      startedAt,
      vms: { total: all.length, running: all.filter(({ state }) => state === "running").length },
    };
  };
}
