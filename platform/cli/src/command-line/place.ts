import { join, resolve } from 'node:path';
import { type DataDir, dataDirAt } from '../data-dir/data-dir.ts';
import { findRoot } from '../load-system.ts';
import { type Invocation, text } from './command.ts';
import { FOLDER } from './value-kinds.ts';

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
