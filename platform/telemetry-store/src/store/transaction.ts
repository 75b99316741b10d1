import type { DatabaseSync } from 'node:sqlite';

/** All of it or nothing; it is on disk, or at least with the operating system, once this returns. */
export function inTransaction(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}
