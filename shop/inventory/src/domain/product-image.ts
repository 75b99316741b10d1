import { escapeMarkup } from '@flotilla/kernel';
import { home } from './pictures/home.ts';
import { kitchen } from './pictures/kitchen.ts';
import { outdoor, technology } from './pictures/outdoor.ts';

export type ImageSize = 'image' | 'thumbnail';

interface Palette {
  readonly ground: string;
  readonly glow: string;
  readonly a: string;
  readonly b: string;
  readonly c: string;
  readonly d: string;
}

const CLAY: Palette = {
  ground: '#f1dccb',
  glow: '#f8ebdf',
  a: '#c65a32',
  b: '#e9a06f',
  c: '#4a2a1d',
  d: '#fff6ec',
};

/** Made to stand beside each other in any order. */
const PALETTES: readonly Palette[] = [
  CLAY,
  { ground: '#d3e3df', glow: '#e6f0ec', a: '#16706b', b: '#f0a97c', c: '#123b3a', d: '#f4fbf8' },
  { ground: '#e4e6cd', glow: '#f1f2e2', a: '#6b7f35', b: '#e0b04c', c: '#343d1b', d: '#fbfbf0' },
  { ground: '#dcd8ea', glow: '#ebe8f4', a: '#5d4e93', b: '#e58f7b', c: '#2b2449', d: '#f8f6ff' },
  { ground: '#f3e4bf', glow: '#faf1da', a: '#2f5d7c', b: '#e2a02f', c: '#1d3547', d: '#fffaf0' },
  { ground: '#efd5d6', glow: '#f7e7e7', a: '#a63d4f', b: '#5f8f86', c: '#47202a', d: '#fff5f4' },
  { ground: '#d2dfec', glow: '#e5edf5', a: '#2c5f97', b: '#ee9a63', c: '#18324f', d: '#f5faff' },
];

const DRAWINGS = [...kitchen, ...home, ...outdoor, ...technology];

/**
 * A picture of a product that has no photograph: always the same one for the same product, by the words of its name where
 * they are known, and of shapes otherwise. Safe to embed.
 */
export function drawProduct(
  product: { readonly id: string; readonly name: string },
  size: ImageSize,
): string {
  const seed = hash(product.id);
  const palette = PALETTES[seed % PALETTES.length] ?? CLAY;
  const [, drawing] = DRAWINGS.find(([words]) => words.test(product.name)) ?? [];
  const thing = drawing === undefined ? shapes(product.id) : drawing;
  const [width, height, side] = size === 'image' ? [800, 600, 440] : [240, 240, 168];
  const [x, y] = [(width - side) / 2, (height - side) / 2];
  const name = escapeMarkup(product.name);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${name}</title>`,
    `<rect width="${width}" height="${height}" fill="${palette.ground}"/>`,
    backdrop(seed, palette, width, height),
    `<ellipse cx="${width / 2}" cy="${y + side * 0.9}" rx="${side * 0.4}" ry="${side * 0.05}" fill="${palette.c}" fill-opacity="0.16"/>`,
    `<svg x="${x}" y="${y}" width="${side}" height="${side}" viewBox="0 0 100 100">${painted(thing, palette)}</svg>`,
    '</svg>',
  ].join('');
}

/** A sun that stands elsewhere for each product, over a horizon. */
function backdrop(seed: number, { glow }: Palette, width: number, height: number): string {
  const radius = Math.round(height * (0.34 + ((seed >>> 4) % 10) / 100));
  const x = Math.round(width * (0.36 + ((seed >>> 9) % 29) / 100));
  const y = Math.round(height * (0.36 + ((seed >>> 15) % 17) / 100));
  const horizon = Math.round(height * (0.74 + ((seed >>> 21) % 8) / 100));
  return [
    `<circle cx="${x}" cy="${y}" r="${radius}" fill="${glow}"/>`,
    `<path d="M0 ${horizon}h${width}v${height - horizon}H0z" fill="${glow}" fill-opacity="0.7"/>`,
  ].join('');
}

function painted(drawing: string, palette: Palette): string {
  return drawing.replaceAll(
    /(fill|stroke)="([abcd])"/g,
    (_, property: string, paint: 'a' | 'b' | 'c' | 'd') => `${property}="${palette[paint]}"`,
  );
}

/** For a thing whose name says nothing to us. */
function shapes(id: string): string {
  return (['a', 'b', 'c'] as const).map((paint, index) => drawShape(hash(`${id}/${index}`), paint)).join('');
}

function drawShape(seed: number, paint: string): string {
  const size = 28 + (seed % 28);
  const x = 12 + ((seed >>> 6) % (76 - size));
  const y = 12 + ((seed >>> 12) % (76 - size));
  const fill = `fill="${paint}" fill-opacity="0.88"`;
  switch ((seed >>> 24) % 3) {
    case 0:
      return `<circle cx="${x + size / 2}" cy="${y + size / 2}" r="${size / 2}" ${fill}/>`;
    case 1:
      return `<rect x="${x}" y="${y}" width="${size}" height="${size}" rx="9" ${fill}/>`;
    default:
      return `<path d="M${x} ${y + size}L${x + size / 2} ${y}L${x + size} ${y + size}Z" stroke-linejoin="round" ${fill}/>`;
  }
}

/** FNV-1a with a final mix, so that similar ids do not look alike. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) {
    value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  return (value ^ (value >>> 16)) >>> 0;
}
