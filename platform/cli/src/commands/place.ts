import { join, resolve } from 'node:path';
import { FOLDER } from '../command-line/value-kinds.ts';
import { type DataDir, dataDirAt } from '../system/data-dir.ts';
import { findRoot } from '../system/load-system.ts';
import { type Invocation, text } from './command.ts';

export const DATA_DIR_OPTION = {
  'data-dir': {
    kind: FOLDER,
    help: 'where the system keeps its data (default: .flotilla beside its configuration)',
  },
} as const;

/** The data directory an invocation is about. */
export function placeOf({ values, cwd }: Invocation): DataDir {
  const given = text(values, 'data-dir');
  return dataDirAt(given === undefined ? join(findRoot(cwd), '.flotilla') : resolve(cwd, given));
}
