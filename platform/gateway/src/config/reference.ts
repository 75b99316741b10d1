import type { KeyShape, SectionShape } from '../grammar/shape.ts';
import { ROOT } from './root.ts';

const INTRODUCTION = `# Keys of a gateway configuration

Generated from the code that reads them (\`npm run generate\`). Keys are found in any case; numbers and booleans may be strings;
comments and commas before a closing bracket are allowed. _own_ = not in Ocelot. Where a key and its older name are both given
the older wins.
`;

/** Every key with type, default and meaning, in Markdown: a section for each object, where it is first met. */
export function configReference(): string {
  const sections: string[] = [];
  const seen = new Set<SectionShape>();

  function add(path: string, shape: SectionShape): void {
    if (seen.has(shape)) return;
    seen.add(shape);
    const rows = Object.entries(shape).map(([key, keyShape]) => row(key, keyShape));
    const head = '| key | type, default | |\n| --- | --- | --- |';
    sections.push(`## ${path === '' ? 'The file' : path}\n\n${head}\n${rows.join('\n')}\n`);
    for (const [key, keyShape] of Object.entries(shape))
      if ('shape' in keyShape) add(path === '' ? key : `${path}.${key}`, keyShape.shape);
  }

  add('', ROOT);
  return [INTRODUCTION, ...sections].join('\n');
}

function row(key: string, shape: KeyShape): string {
  const older = (shape.also ?? []).map((name) => `, \`${name}\``).join('');
  const own = shape.own ? ' _own_' : '';
  const value = shape.required ? ', required' : shape.default === undefined ? '' : `, \`${shape.default}\``;
  return `| \`${key}\`${older}${own} | ${typeOf(shape)}${value} | ${shape.doc.replaceAll('|', '\\|')} |`;
}

function typeOf(shape: KeyShape): string {
  switch (shape.type) {
    case 'string':
      return shape.oneOf?.map((one) => `\`${one}\``).join(' ') ?? 'text';
    case 'integer':
    case 'number':
      return rangeOf(shape.minimum, shape.maximum);
    case 'boolean':
      return 'true, false';
    case 'strings':
      return shape.orOne ? 'texts or one' : 'texts';
    case 'names':
      return 'texts';
    case 'integers':
      return 'numbers';
    case 'map':
      return 'object: name → text';
    case 'mapOf':
      return 'object: name → object';
    case 'object':
      return 'object';
    case 'objects':
      return 'list of objects';
  }
}

function rangeOf(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum === undefined) return 'number';
  return maximum === undefined ? `number ≥ ${minimum}` : `${minimum} … ${maximum}`;
}
