import { open, stat } from 'node:fs/promises';

/** One pass of a crash point: the `occurrence`-th of this name in this service while a flow ran; 1 is the first. */
export interface Passage {
  readonly service: string;
  readonly point: string;
  readonly occurrence: number;
}

/** The crash points that a running system passes, as its services append them: `<service> <point>` a line. */
export interface CrashTrace {
  readonly file: string;
  /** How long the trace is now: what comes from here on belongs to what begins here. */
  mark(): Promise<number>;
  /** In the order in which the whole system passed them. */
  since(mark: number): Promise<readonly Passage[]>;
}

export function createCrashTrace(file: string): CrashTrace {
  const length = async (): Promise<number> => (await stat(file).catch(() => ({ size: 0 }))).size;
  return {
    file,
    mark: length,
    since: async (mark) => {
      const size = (await length()) - mark;
      if (size <= 0) return [];
      await using handle = await open(file);
      const { buffer } = await handle.read(Buffer.alloc(size), 0, size, mark);
      return parseTrace(buffer.toString());
    },
  };
}

export function parseTrace(text: string): readonly Passage[] {
  const passes = new Map<string, number>();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [service = '', point = ''] = line.split(' ');
      const occurrence = (passes.get(line) ?? 0) + 1;
      passes.set(line, occurrence);
      return { service, point, occurrence };
    });
}
