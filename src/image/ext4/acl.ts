/**
 * Attribute form: version 2 u32, then entries of tag u16, permissions u16, id u32 (posix_acl_xattr.h).
 * Disk form: version 1 u32, then entries of tag u16, permissions u16, and an id u32 for named users and groups only
 * (fs/ext4/acl.h).
 */
const attributeVersion = 2;
const diskVersion = 1;
const headerBytes = 4;
const attributeEntryBytes = 8;
const shortEntryBytes = 4;
const tags = { namedUser: 0x02, namedGroup: 0x08 };
const knownTags = new Set([0x01, tags.namedUser, 0x04, tags.namedGroup, 0x10, 0x20]);

/** A POSIX access control list as ext4 keeps it, from its `system.posix_acl_*` attribute; undefined if malformed. */
export function encodeAcl(attribute: Buffer): Buffer | undefined {
  if (attribute.length < headerBytes || attribute.readUInt32LE(0) !== attributeVersion) return undefined;
  if ((attribute.length - headerBytes) % attributeEntryBytes !== 0) return undefined;
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(diskVersion);
  const parts: Buffer[] = [header];
  for (let at = headerBytes; at < attribute.length; at += attributeEntryBytes) {
    const tag = attribute.readUInt16LE(at);
    if (!knownTags.has(tag)) return undefined;
    const named = tag === tags.namedUser || tag === tags.namedGroup;
    parts.push(attribute.subarray(at, at + (named ? attributeEntryBytes : shortEntryBytes)));
  }
  return Buffer.concat(parts);
}
