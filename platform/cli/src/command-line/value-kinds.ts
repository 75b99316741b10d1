import { didYouMean } from '@flotilla/kernel';

/** What an argument or the value of an option may be. */
export interface ValueKind {
  /** Stands for it in the help: `<n>`. */
  readonly placeholder: string;
  /** What a shell offers for it. */
  readonly offers?: readonly string[] | 'services' | 'tasks' | 'files' | 'folders';
  /** What it must be, when it is not that: `must be a number`. */
  readonly refuse?: (given: string) => string | undefined;
}

/** Any text. */
export function textOf(placeholder: string): ValueKind {
  return { placeholder: `<${placeholder}>` };
}

export const SERVICE: ValueKind = { placeholder: '<service>', offers: 'services' };
/** Of the service that stands before it. */
export const TASK: ValueKind = { placeholder: '<task>', offers: 'tasks' };
export const FILE: ValueKind = { placeholder: '<file>', offers: 'files' };
export const FOLDER: ValueKind = { placeholder: '<folder>', offers: 'folders' };

/** One of these words. */
export function oneOf(choices: readonly string[], placeholder = 'word'): ValueKind {
  return {
    placeholder: `<${placeholder}>`,
    offers: choices,
    refuse: (given) => {
      if (choices.includes(given)) return undefined;
      const meant = didYouMean(given, choices);
      const hint = meant === undefined ? '' : `: did you mean ${meant}?`;
      return `must be one of ${choices.join(', ')}, got ${given}${hint}`;
    },
  };
}

/** A whole number in this range, both ends included. */
export function wholeNumber(from: number, to: number, placeholder = 'n'): ValueKind {
  return {
    placeholder: `<${placeholder}>`,
    refuse: (given) => {
      const isOne = /^\d{1,9}$/.test(given) && Number(given) >= from && Number(given) <= to;
      return isOne ? undefined : `must be a whole number from ${from} to ${to}, got ${given}`;
    },
  };
}

/** A number that is not negative. */
export function amount(placeholder: string): ValueKind {
  return {
    placeholder: `<${placeholder}>`,
    refuse: (given) =>
      /^\d{1,9}(\.\d{1,9})?$/.test(given) ? undefined : `must be a number, 0 or more, got ${given}`,
  };
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const AGE = /^(\d{1,6})([smhd])$/;

/** How long ago: `90s`, `15m`, `2h`, `3d`. */
export const AGO: ValueKind = {
  placeholder: '<age>',
  refuse: (given) => (AGE.test(given) ? undefined : `must be a number and s, m, h or d, got ${given}`),
};

/** How long ago, or a moment: `15m`, `2026-11-30T10:00:00Z`. */
export const MOMENT: ValueKind = {
  placeholder: '<moment>',
  refuse: (given) =>
    Number.isNaN(momentOf(given, new Date(0)).getTime())
      ? `must be an age such as 15m or a time such as 2026-11-30T10:00Z, got ${given}`
      : undefined,
};

/** The moment that was given by its age or by itself; an invalid date for anything else. */
export function momentOf(given: string, now: Date): Date {
  const [, count, unit] = AGE.exec(given) ?? [];
  if (unit !== undefined)
    return new Date(now.getTime() - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]);
  return new Date(/^\d{4}-\d\d-\d\d/.test(given) ? given : Number.NaN);
}

/** A regular expression. */
export const PATTERN: ValueKind = {
  placeholder: '<pattern>',
  refuse: (given) => {
    try {
      new RegExp(given, 'u');
      return undefined;
    } catch (error) {
      return `must be a regular expression: ${(error as Error).message}`;
    }
  },
};
