import { readdirSync, readFileSync } from 'node:fs';

export interface Memory {
  /** What `ps` shows, summed: pages shared between processes count several times. */
  readonly rssBytes: number;
  /** Proportional share: shared pages count once in total. */
  readonly pssBytes: number;
  readonly processes: number;
}

/** Memory of a process and everything below it (Linux: /proc). */
export function memoryOfTree(rootPid: number): Memory {
  const pids = tree(rootPid);
  const sums = pids.map(memoryOf);
  return {
    rssBytes: sums.reduce((sum, memory) => sum + memory.rss, 0),
    pssBytes: sums.reduce((sum, memory) => sum + memory.pss, 0),
    processes: pids.length,
  };
}

/** CPU seconds used so far by a process and everything below it, children that have ended included. */
export function cpuSecondsOfTree(rootPid: number): number {
  const ticks = tree(rootPid).map((pid) => {
    const [user, system, endedUser, endedSystem] = (statFields(pid) ?? []).slice(11, 15).map(Number);
    return (user ?? 0) + (system ?? 0) + (endedUser ?? 0) + (endedSystem ?? 0);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / 100;
}

function tree(rootPid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    const parent = Number(statFields(pid)?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const below = (pid: number): readonly number[] => [pid, ...(children.get(pid) ?? []).flatMap(below)];
  return below(rootPid);
}

/** Fields of /proc/<pid>/stat after the command name, which may hold spaces; `undefined` when it just ended. */
function statFields(pid: number): readonly string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function memoryOf(pid: number): { readonly rss: number; readonly pss: number } {
  const text = read(`/proc/${pid}/smaps_rollup`) ?? '';
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  return { rss: kilobytes('Rss') * 1_024, pss: kilobytes('Pss') * 1_024 };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // the process ended between listing and reading
  }
}
