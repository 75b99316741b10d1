import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ROOT } from '../source-files.ts';

const DIST = join(ROOT, 'shop/storefront/dist');
const MAX_FIRST_LOAD_BYTES = 110_000;
const MAX_CHUNK_BYTES = 25_000;

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
}

/** As the build wrote it; `npm test` builds what is stale before. */
const manifest = (): Readonly<Record<string, Chunk>> =>
  JSON.parse(readFileSync(join(DIST, 'assets/manifest.json'), 'utf8')) as Record<string, Chunk>;

const gzipped = (file: string): number => gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length;

/** Scripts and styles that the document names. Fonts come after them, and the text does not wait for those. */
function firstFiles(): ReadonlySet<string> {
  const html = readFileSync(join(DIST, 'index.html'), 'utf8');
  const named = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)];
  return new Set(named.map(([, file = '']) => file));
}

/** A chunk, what it imports and its styles. */
function filesOf(
  name: string,
  chunks: Readonly<Record<string, Chunk>>,
  files = new Set<string>(),
): Set<string> {
  const chunk = chunks[name];
  if (!chunk || files.has(chunk.file)) return files;
  for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
  for (const imported of chunk.imports ?? []) filesOf(imported, chunks, files);
  return files;
}

describe('what a page loads', () => {
  it('is at most 110 kB of script, style and HTML at first, compressed', (t) => {
    const first = firstFiles();
    const chunks = manifest();
    for (const file of filesOf('src/main.tsx', chunks)) assert.ok(first.has(file), `${file} is loaded late`);
    const files = ['index.html', ...first];
    assert.ok(files.length >= 4, files.join());
    const bytes = files.map(gzipped).reduce((sum, size) => sum + size, 0);
    t.diagnostic(`${bytes} bytes in ${files.length} files`);
    assert.ok(bytes <= MAX_FIRST_LOAD_BYTES, `${bytes} bytes`);
  });

  it('begins with what takes longest', () => {
    const html = readFileSync(join(DIST, 'index.html'), 'utf8');
    const named = [...html.matchAll(/rel="modulepreload" href="\/(assets\/[^"]+\.js)"/g)];
    const sizes = named.map(([, file = '']) => gzipped(file));
    assert.ok(sizes.length >= 3, sizes.join());
    assert.deepEqual(
      sizes,
      sizes.toSorted((a, b) => b - a),
    );
  });

  it('is at most 25 kB more for each other page', () => {
    const chunks = manifest();
    const pages = Object.keys(chunks).filter((name) => /^src\/pages\//.test(name));
    assert.ok(pages.length >= 7, pages.join());
    const first = firstFiles();
    for (const page of pages) {
      const more = [...filesOf(page, chunks)].filter((file) => !first.has(file));
      const bytes = more.map(gzipped).reduce((sum, size) => sum + size, 0);
      assert.ok(bytes <= MAX_CHUNK_BYTES, `${page}: ${bytes} bytes`);
    }
  });

  it('names nothing but files of its own', () => {
    const html = readFileSync(join(DIST, 'index.html'), 'utf8');
    const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
    assert.deepEqual(
      named.filter((path) => !path.startsWith('/') || path.startsWith('//')),
      [],
    );
    assert.doesNotMatch(
      html,
      /<style|<script(?![^>]* src=)|\son\w+=|\sstyle=/,
      'the policy allows nothing inline',
    );
  });
});
