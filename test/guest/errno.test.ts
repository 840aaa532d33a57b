import assert from "node:assert/strict";
import { test } from "node:test";
import { errnoName } from "../../src/guest/errno.ts";

test("error numbers have the names of errno(3), and of two names the first", () => {
  assert.deepEqual([2, 11, 13, 22, 38, 95, 71].map(errnoName), [
    "ENOENT",
    "EAGAIN",
    "EACCES",
    "EINVAL",
    "ENOSYS",
    "ENOTSUP",
    "EPROTO",
  ]);
});

test("an unknown error number is said as it is", () => {
  assert.equal(errnoName(4_294_967_295), "error 4294967295");
});
