import { posix } from 'node:path';
import { parseSync } from 'oxc-parser';

export interface Import {
  readonly file: string;
  readonly specifier: string;
  /** Needed at run time: not types alone. */
  readonly isValue: boolean;
}

/**
 * Rooms of a package, in the order in which they may use each other: what a room needs, types too, is in its own line or in
 * one above. A file beside the rooms is one of its own, if it has a place here; else it is bound by no order.
 */
const ROOMS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'event-store': [['stream'], ['feed'], ['projection'], ['event-store.ts'], ['aggregate.ts'], ['testing']],
  gateway: [
    ...[['errors.ts'], ['audit.ts'], ['kept-state.ts'], ['time'], ['grammar']],
    ...[['wire/rules'], ['wire/client'], ['wire/backend']],
    ...[['exchange.ts'], ['templates'], ['policies'], ['model.ts']],
    ...[['routing'], ['config'], ['backends'], ['strangler'], ['pipeline'], ['aggregates'], ['openapi']],
    ...[
      ['observation'],
      ['admin'],
      ['runtime.ts'],
      ['gateway-options.ts'],
      ['gateway-parts.ts'],
      ['create-gateway.ts'],
      ['process'],
      ['index.ts'],
    ],
  ],
  http: [['contract'], ['server', 'client']],
  messaging: [['bus'], ['outbox'], ['inbox'], ['rabbitmq'], ['testing']],
  resilience: [['time'], ['failures'], ['limits'], ['policy'], ['edge']],
  saga: [['decide'], ['define'], ['store'], ['run'], ['operate'], ['engine'], ['testing']],
};

/** Their files, too, have a place in the order, each of them. */
const COMPLETE: ReadonlySet<string> = new Set(['gateway']);

/** No more files in one folder: it would be an alphabet, not a room. */
const MAX_SIBLINGS = 25;

/** By a parser: text in a comment or a template is no import. */
export function importsOf(file: string, text: string): readonly Import[] {
  const { staticImports, staticExports, dynamicImports } = parseSync(file, text).module;
  const isValue = (entries: readonly { readonly isType: boolean }[]) =>
    entries.length === 0 || entries.some((entry) => !entry.isType);
  return [
    ...staticImports.map(({ moduleRequest, entries }) => ({
      ...{ file, specifier: moduleRequest.value, isValue: isValue(entries) },
    })),
    ...staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) =>
        moduleRequest ? [{ file, specifier: moduleRequest.value, isValue: !isType }] : [],
      ),
    ),
    ...dynamicImports.flatMap(({ moduleRequest: { start, end } }) => {
      const [, specifier] = /^(?:'|")(.*)(?:'|")$/.exec(text.slice(start, end)) ?? [];
      return specifier === undefined ? [] : [{ file, specifier, isValue: true }];
    }),
  ];
}

/** `platform/gateway/src/wire/client/x.ts` → `wire/client`; a file beside the rooms is one of its own. */
function roomOf(path: string, rooms: readonly (readonly string[])[]): string {
  const [first = '', second = ''] = path.split('/').slice(3);
  const nested = `${first}/${second}`;
  return rooms.some((floor) => floor.includes(nested)) ? nested : first;
}

const targetOf = ({ file, specifier }: Import): string => posix.join(posix.dirname(file), specifier);

/** Imports of a room that comes after that of the file: `file → room`. Only files of sources are looked at. */
export function waysUp(imports: readonly Import[]): readonly string[] {
  return imports.flatMap((one) => {
    if (!one.specifier.startsWith('.')) return [];
    const rooms = ROOMS[one.file.split('/')[1] ?? ''] ?? [];
    const floorOf = (path: string) => rooms.findIndex((floor) => floor.includes(roomOf(path, rooms)));
    const target = targetOf(one);
    const isUp = floorOf(one.file) !== -1 && floorOf(target) > floorOf(one.file);
    return isUp ? [`${one.file} → ${roomOf(target, rooms)}`] : [];
  });
}

/** Rooms that have no place in the order of their package. */
export function unordered(files: readonly string[]): readonly string[] {
  return [...COMPLETE].flatMap((name) => {
    const rooms = ROOMS[name] ?? [];
    const own = files.filter((file) => file.startsWith(`platform/${name}/src/`));
    const found = new Set(own.map((file) => roomOf(file, rooms)));
    return [...found].filter((room) => !rooms.some((floor) => floor.includes(room)));
  });
}

/**
 * Folders that need each other, by types or values: `one ⇄ other`. A folder within another is a part of it, so the two may share;
 * so may the files beside the rooms and the rooms.
 */
export function circles(imports: readonly Import[]): readonly string[] {
  const needs = new Map<string, Set<string>>();
  for (const one of imports) {
    if (!one.specifier.startsWith('.')) continue;
    const [from, to] = [posix.dirname(one.file), posix.dirname(targetOf(one))];
    if (isWithin(from, to) || isWithin(to, from)) continue;
    needs.set(from, (needs.get(from) ?? new Set()).add(to));
  }
  const reached = new Map([...needs.keys()].map((folder) => [folder, reachedFrom(folder, needs)]));
  return [...reached]
    .flatMap(([from, all]) =>
      [...all].filter((to) => from < to && reached.get(to)?.has(from)).map((to) => `${from} ⇄ ${to}`),
    )
    .sort();
}

const isWithin = (folder: string, other: string): boolean => `${folder}/`.startsWith(`${other}/`);

function reachedFrom(folder: string, needs: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const reached = new Set<string>();
  const next = [folder];
  for (let at = next.pop(); at !== undefined; at = next.pop())
    for (const to of needs.get(at) ?? [])
      if (!reached.has(to)) {
        reached.add(to);
        next.push(to);
      }
  return reached;
}

/** Folders with too many files: `folder: how many`. */
export function crowded(files: readonly string[]): readonly string[] {
  const siblings = Map.groupBy(files, (file) => posix.dirname(file));
  return [...siblings].flatMap(([folder, { length }]) =>
    length > MAX_SIBLINGS ? [`${folder}: ${length}`] : [],
  );
}

/** Files that are too long to read in one go: `file: lines`. */
export function tooLong(texts: ReadonlyMap<string, string>): readonly string[] {
  return [...texts].flatMap(([file, text]) => {
    const lines = text.trimEnd().split('\n').length;
    return lines > MAX_LINES ? [`${file}: ${lines}`] : [];
  });
}

export const MAX_LINES = 500;
