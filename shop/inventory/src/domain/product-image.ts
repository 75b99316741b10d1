export type ImageSize = 'image' | 'thumbnail';

/** A picture of a product that has no photograph: always the same one for the same product. Safe to embed. */
export function drawProduct(
  product: { readonly id: string; readonly name: string },
  size: ImageSize,
): string {
  const seed = hash(product.id);
  const hue = seed % 360;
  const shapes = [0, 1, 2].map((index) => drawShape(hash(`${product.id}/${index}`), hue + 24 * index));
  const name = escapeXml(product.name);
  const [width, height] = size === 'image' ? [800, 600] : [240, 240];
  const label =
    size === 'image'
      ? `<text x="40" y="556" font-family="system-ui, sans-serif" font-size="30" fill="hsl(${hue} 30% 24%)">${name}</text>`
      : '';
  const [x, y, side] = size === 'image' ? [180, 60, 440] : [20, 20, 200];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${name}</title>`,
    `<rect width="${width}" height="${height}" fill="hsl(${hue} 38% 93%)"/>`,
    `<svg x="${x}" y="${y}" width="${side}" height="${side}" viewBox="0 0 100 100">${shapes.join('')}</svg>`,
    `${label}</svg>`,
  ].join('');
}

function drawShape(seed: number, hue: number): string {
  const size = 28 + (seed % 28);
  const x = 12 + ((seed >>> 6) % (76 - size));
  const y = 12 + ((seed >>> 12) % (76 - size));
  const paint = `fill="hsl(${hue % 360} 46% ${48 + ((seed >>> 18) % 24)}%)" fill-opacity="0.82"`;
  switch ((seed >>> 24) % 3) {
    case 0:
      return `<circle cx="${x + size / 2}" cy="${y + size / 2}" r="${size / 2}" ${paint}/>`;
    case 1:
      return `<rect x="${x}" y="${y}" width="${size}" height="${size}" rx="9" ${paint}/>`;
    default:
      return `<path d="M${x} ${y + size}L${x + size / 2} ${y}L${x + size} ${y + size}Z" stroke-linejoin="round" ${paint}/>`;
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

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
