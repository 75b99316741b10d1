import type { Control } from '../control/client.ts';

/** What a demo has at hand: the running system, and a way to put back what it changes. */
export interface Stage {
  readonly control: Control;
  /** Where the system keeps its data. */
  readonly dataDir: string;
  /** Aborted when somebody ends the demo, or it takes too long. */
  readonly signal: AbortSignal;
  /** One line about what is being done, for whoever watches. */
  say(line: string): void;
  /** Done when the demo has ended, whatever way it did: the last one first. */
  putBack(what: string, undo: () => Promise<unknown>): void;
}

/** Something that a demo says is so, and what was seen of it. */
export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
  readonly seen: string;
}

export interface DemoFacts {
  /** `flotilla demo <name>` */
  readonly name: string;
  /** Of the guide: `6.1`. */
  readonly chapter: string;
  /** What it does, in a sentence. */
  readonly does: string;
  /** Where more of it can be seen: commands, addresses, pages. */
  readonly look: readonly string[];
  /** What would have gone wrong without the pattern. */
  readonly without: string;
}

/** One pattern, shown on the running system. */
export interface Demo extends DemoFacts {
  /** Why it cannot be shown in this system, and what to start instead; `undefined` = it can. */
  needs(stage: Stage): Promise<string | undefined>;
  play(stage: Stage): Promise<readonly Claim[]>;
}

interface DemoParts<Prepared, Done> extends DemoFacts {
  readonly needs?: (stage: Stage) => Promise<string | undefined>;
  /** Looks at what is there and gets it ready. */
  readonly prepare: (stage: Stage) => Promise<Prepared>;
  /** Does what the demo is about. */
  readonly act: (stage: Stage, prepared: Prepared) => Promise<Done>;
  /** Judges what was done; decides nothing by the clock. */
  readonly check: (
    done: Done,
    prepared: Prepared,
    stage: Stage,
  ) => readonly Claim[] | Promise<readonly Claim[]>;
}

/** A demo in its parts; what `prepare` and `act` resolve with is what `check` judges. */
export function defineDemo<Prepared, Done>(parts: DemoParts<Prepared, Done>): Demo {
  const { needs, prepare, act, check, ...facts } = parts;
  return {
    ...facts,
    needs: async (stage) => await needs?.(stage),
    play: async (stage) => {
      const prepared = await prepare(stage);
      return await check(await act(stage, prepared), prepared, stage);
    },
  };
}

/** `claim('one mail', mails.length === 1, `${mails.length} mails`)` */
export function claim(text: string, holds: boolean, seen: string): Claim {
  return { claim: text, holds, seen };
}
