/** "bang" in ASCII: says in the file's header whose database it is (sqlite.org/pragma.html#pragma_application_id). */
export const applicationId = 0x62616e67;

/**
 * The schema's history, oldest first: entry n leads from version n to n + 1. Published entries never change; a change of
 * the schema is a new entry.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE vms (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     state TEXT NOT NULL,
     reason TEXT,
     image_id TEXT NOT NULL,
     image_name TEXT NOT NULL,
     kernel TEXT NOT NULL,
     driver TEXT NOT NULL,
     spec TEXT NOT NULL,
     pending TEXT,
     disk TEXT,
     runtime TEXT,
     timing TEXT,
     provisioned INTEGER NOT NULL,
     ephemeral INTEGER NOT NULL,
     created_at TEXT NOT NULL,
     started_at TEXT
   ) STRICT;
   CREATE INDEX vms_by_image ON vms (image_id);`,
  "ALTER TABLE vms ADD COLUMN origin TEXT;",
];
