import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { childEnvironment } from '@flotilla/kernel/testing';
import { buildFrontends } from './build-frontends.ts';

/** Builds a document and an asset that is called like its content, as bundlers do; counts how often. */
const PROGRAM = `
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const [out] = process.argv.slice(2);
const page = readFileSync(import.meta.dirname + '/page.txt', 'utf8');
if (page === 'wrong') { console.error('page.txt:1\\nError: the page is wrong\\n    at somewhere'); process.exit(1); }
appendFileSync(import.meta.dirname + '/../count', '.');
mkdirSync(out + '/assets');
writeFileSync(out + '/assets/' + page + '.js', page);
writeFileSync(out + '/index.html', page);
`;

describe('front ends', () => {
  let root: string;
  let said: string[];
  const system = {
    frontends: { pages: { build: 'pages/build.ts', output: 'pages/dist', inputs: ['shared'] } },
  };
  const build = (signal = new AbortController().signal) =>
    buildFrontends({ system, root, env: childEnvironment(), signal, say: (line) => said.push(line) });
  const write = (file: string, text: string) => writeFile(join(root, file), text);
  const served = () => readFile(join(root, 'pages/dist/index.html'), 'utf8');
  const assets = () => readdir(join(root, 'pages/dist/assets'));
  const builds = async () => (await readFile(join(root, 'count'), 'utf8')).length;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'flotilla-pages '));
    said = [];
    for (const folder of ['pages', 'shared']) await mkdir(join(root, folder));
    await write('pages/build.ts', PROGRAM);
    await write('pages/page.txt', 'one');
    await write('shared/words.txt', 'words');
  });
  afterEach(() => rm(root, { recursive: true }));

  it('are built when there are none, and again when a source has changed, was added or has gone', async () => {
    assert.equal(await build(), true);
    assert.equal(await served(), 'one');
    assert.match(said.join(), /^pages: its pages are built \(\d+\.\d s\)$/);
    await build();
    assert.equal(await builds(), 1);
    await write('shared/words.txt', 'other words');
    await build();
    await write('pages/new.txt', '');
    await build();
    await rm(join(root, 'pages/new.txt'));
    await build();
    await write('package-lock.json', '{}');
    await build();
    assert.equal(await builds(), 5);
  });

  it('are left as they are by what is no part of them', async () => {
    await build();
    await write('pages/page.test.ts', 'a test');
    await write('pages/README.md', 'read me');
    await write('pages/.editor', 'hidden');
    await utimes(join(root, 'pages/page.txt'), new Date(), new Date());
    assert.equal(await build(), true);
    assert.equal(await builds(), 1);
  });

  it('keep the files of the build before, for pages that are open, and no older ones', async () => {
    for (const page of ['one', 'two', 'three']) {
      await write('pages/page.txt', page);
      await build();
    }
    assert.deepEqual(await assets(), ['three.js', 'two.js']);
  });

  it('stay as they were when they cannot be built, which is one line', async () => {
    await build();
    await write('pages/page.txt', 'wrong');
    assert.equal(await build(), false);
    assert.equal(
      said.at(-1),
      'pages: its pages could not be built, those built before are served: Error: the page is wrong',
    );
    assert.equal(await served(), 'one');
    await write('pages/page.txt', 'two');
    assert.equal(await build(), true);
    assert.equal(await served(), 'two');
  });

  it('say so when there are none, and when the program is not there', async () => {
    await rm(join(root, 'pages/build.ts'));
    assert.equal(await build(), false);
    assert.match(said.join(), /^pages: its pages could not be built, it has none: .*Cannot find module/);
    assert.doesNotMatch(said.join(), /\n/);
  });

  it('are built again when the build before did not come to its end', async () => {
    await build();
    await rm(join(root, 'pages/dist/.built.json'));
    await build();
    await write('pages/dist/.built.json', '{"inputs":');
    await build();
    assert.equal(await builds(), 3);
  });

  it('may be built by two systems of one checkout at the same time', async () => {
    assert.deepEqual(await Promise.all([build(), build()]), [true, true]);
    assert.equal(await served(), 'one');
    assert.deepEqual(await readdir(join(root, 'pages/dist')), ['.built.json', 'assets', 'index.html']);
  });

  it('end with the system, and what a killed build left behind goes with a later one', async () => {
    assert.equal(await build(AbortSignal.abort()), false);
    assert.deepEqual(said, []);
    const left = join(root, 'pages/dist/.building-123456');
    await mkdir(left, { recursive: true });
    await build();
    await access(left); // it may be under way
    await utimes(left, 0, 0);
    await write('pages/page.txt', 'two');
    await build();
    await assert.rejects(access(left), { code: 'ENOENT' });
  });
});
