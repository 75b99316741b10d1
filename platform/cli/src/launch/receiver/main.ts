import { closeSync, readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { SETTINGS_FD } from '../settings-pipe.ts';

// Loaded ahead of the program: what the supervisor has written is in `process.env` before anybody reads it, and in
// `/proc/<pid>/environ`, which shows what a process was started with, it is not. A thread of the program is begun with
// the same arguments, and has a copy of the environment already.
if (isMainThread) {
  Object.assign(process.env, JSON.parse(readFileSync(SETTINGS_FD, 'utf8')));
  closeSync(SETTINGS_FD);
}
