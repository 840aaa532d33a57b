import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { writeExt4 } from "../../../src/image/ext4/writer.ts";
import { isFault } from "../../../src/lib/errors/error.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { addEntry, checkImage, smallOptions } from "./support/image.ts";

test("a file system of any size and any reserve is clean, or does not fit", async (context) => {
  const path = join(temporaryDirectory(context), "image");
  const options = fc.record({
    // Up to 3 GiB, odd bytes included: groups that are cut, dropped, or the only one.
    sizeBytes: fc.integer({ min: 4096, max: 3 * 2 ** 30 }),
    journalBytes: fc.constantFrom(0, 4 * 2 ** 20, 64 * 2 ** 20),
    growToBytes: fc.constantFrom(0, 2 ** 32, 2 ** 41, 2 ** 44),
    bytesPerInode: fc.constantFrom(1024, 8192, 16_384, 2 ** 20),
  });
  let fitted = 0;
  await fc.assert(
    fc.asyncProperty(options, async (chosen) => {
      try {
        await using writer = await writeExt4(smallOptions(path, chosen));
        await addEntry(writer, { path: "d/f", content: "x" });
        await writer.finish();
        checkImage(path);
        fitted += 1;
      } catch (error) {
        if (!isFault(error, "root_filesystem_invalid")) throw error;
        assert.match(error.message, /does not fit into/);
        // Metadata and journal of the worst choice here, and the reserve in two groups.
        assert.ok(chosen.sizeBytes < 250 * 2 ** 20, `${chosen.sizeBytes} bytes are enough`);
      }
      rmSync(path, { force: true });
    }),
    { numRuns: 12 },
  );
  assert.ok(fitted > 0);
});
