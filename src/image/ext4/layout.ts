import type { BlockAllocator } from "./allocator.ts";
import { flexGroups } from "./format.ts";
import type { Geometry } from "./geometry.ts";

/** Where a group's metadata is. Block numbers. */
export interface GroupLayout {
  blockBitmap: number;
  inodeBitmap: number;
  inodeTable: number;
}

/**
 * Takes the blocks for the bitmaps and inode tables. Those of sixteen groups stand together at the front (feature
 * flex_bg), which leaves the other fifteen whole for files, and without a bitmap on disk while they are empty.
 */
export function placeGroups(geometry: Geometry, allocator: BlockAllocator): GroupLayout[] {
  const layouts: GroupLayout[] = [];
  for (let first = 0; first < geometry.groups; first += flexGroups) {
    const count = Math.min(flexGroups, geometry.groups - first);
    const blockBitmaps = allocator.allocateTogether(count, first).start;
    const inodeBitmaps = allocator.allocateTogether(count, first).start;
    for (let index = 0; index < count; index += 1) {
      const inodeTable = allocator.allocateTogether(geometry.inodeTableBlocks, first).start;
      layouts.push({ blockBitmap: blockBitmaps + index, inodeBitmap: inodeBitmaps + index, inodeTable });
    }
  }
  return layouts;
}
