/** `docs/rooms.svg`: every package on the floor above what it uses, with the rooms (folders) in it; drawn from the tree. */
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findPackages } from './packages/workspace.ts';

const WIDTH = 960;
const MARGIN = 24;
const GAP = 12;
const LINE = 16;
/** Of the small text, about. */
const CHARACTER = 6.3;

interface Box {
  readonly name: string;
  readonly rooms: readonly string[];
  readonly kind: 'svc' | 'base' | 'edge' | 'bus';
}

/** From the top: the shop, then the platform's floors, each on those below it. */
export function roomsPicture(root: string): string {
  const floors = [...shopFloors(root), ...platformFloors(root)];
  let y = MARGIN;
  const drawn = floors.map((boxes) => {
    const width = (WIDTH - 2 * MARGIN - (boxes.length - 1) * GAP) / boxes.length;
    const texts = boxes.map(({ rooms }) => wrap(rooms, Math.floor((width - 16) / CHARACTER)));
    const height = 34 + LINE * Math.max(...texts.map((lines) => lines.length));
    const top = y;
    y += height + GAP;
    return boxes.map((box, index) =>
      draw(box, texts[index] ?? [], { x: MARGIN + index * (width + GAP), y: top, width, height }),
    );
  });
  return frame(drawn.flat().join(''), y - GAP + MARGIN);
}

function shopFloors(root: string): readonly (readonly Box[])[] {
  const services = globSync('shop/*/src/main.ts', { cwd: root })
    .map((file) => file.split(/[\\/]/)[1] ?? '')
    .sort();
  return [
    [{ name: 'shop: services, none imports another', rooms: services, kind: 'svc' }],
    [{ name: 'shop/contracts', rooms: ['routes and events, declared once'], kind: 'bus' }],
  ];
}

function platformFloors(root: string): readonly (readonly Box[])[] {
  const packages = new Map(findPackages(root).map((pack) => [pack.folder, pack]));
  const floorOf = (folder: string): number => {
    const used = Object.keys(packages.get(folder)?.manifest.dependencies ?? {})
      .filter((name) => name.startsWith('@flotilla/'))
      .map((name) => floorOf(basename(name)));
    return used.length === 0 ? 0 : 1 + Math.max(...used);
  };
  const floors = Map.groupBy(packages.keys(), floorOf);
  return [...floors]
    .sort(([one], [other]) => other - one)
    .map(([floor, folders]) =>
      folders.sort().map((name) => ({
        ...{ name, rooms: roomsOf(join(root, 'platform', name, 'src')) },
        kind: floor === 0 ? 'base' : 'edge',
      })),
    );
}

function roomsOf(source: string): readonly string[] {
  return globSync('*/', { cwd: source })
    .map((folder) => basename(folder))
    .filter((folder) => folder !== 'testing' && globSync('**/*.ts', { cwd: join(source, folder) }).length > 0)
    .sort();
}

function wrap(words: readonly string[], characters: number): readonly string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 3 + word.length <= characters)
      lines[lines.length - 1] = `${last} · ${word}`;
    else lines.push(word);
  }
  return lines;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function draw({ name, kind }: Box, lines: readonly string[], { x, y, width, height }: Place): string {
  const middle = round(x + width / 2);
  const small = lines.map(
    (line, index) => `<text class="sub" x="${middle}" y="${y + 40 + index * LINE}">${line}</text>\n`,
  );
  return `<g class="${kind}"><rect x="${round(x)}" y="${y}" width="${round(width)}" height="${height}" rx="8"/>
<text x="${middle}" y="${y + (lines.length > 0 ? 22 : height / 2 + 5)}">${name}</text>
${small.join('')}</g>
`;
}

const round = (value: number): number => Math.round(value * 10) / 10;

const LABEL = 'Packages and their rooms: each stands on a floor above everything that it uses';

function frame(content: string, height: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${LABEL}">
<style>
  rect { stroke-width: 1.5; }
  text { font: 600 15px system-ui, sans-serif; text-anchor: middle; fill: #1b2733; }
  .sub { font-weight: 400; font-size: 12px; fill: #4a5a6a; }
  .svc rect { fill: #e8f1fb; stroke: #5b8fc7; }
  .bus rect { fill: #e9f6ec; stroke: #58a06b; }
  .edge rect { fill: #fff3d6; stroke: #d9a326; }
  .base rect { fill: #f1ecf8; stroke: #8e75b8; }
  .background { fill: #ffffff; stroke: none; }
</style>
<rect class="background" width="${WIDTH}" height="${height}" rx="12"/>
${content}</svg>
`;
}
