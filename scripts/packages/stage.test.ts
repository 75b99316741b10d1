import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { publishedManifest, withoutTexts } from './stage.ts';
import { findPackages, type Manifest } from './workspace.ts';

const source: Manifest = {
  name: '@flotilla/parcel',
  version: '0.1.0',
  license: 'Apache-2.0',
  exports: { '.': './src/index.ts' },
  dependencies: { '@flotilla/kernel': '0.1.0', undici: '7.0.0', jose: '6.1.0' },
  peerDependencies: { 'oidc-provider': '9.13.3' },
};

describe('the manifest of a published package', () => {
  const published = (root: object) => publishedManifest({ manifest: source, folder: 'parcel' }, { ...root });

  it('takes any version that promises to be compatible, also of peers, and others only as they were tested', () => {
    const { dependencies, peerDependencies } = published({});
    assert.deepEqual(dependencies, { '@flotilla/kernel': '0.1.0', undici: '7.0.0', jose: '^6.1.0' });
    assert.deepEqual(peerDependencies, { 'oidc-provider': '^9.13.3' });
  });

  it('says where its source is, in whichever way the repository says it', () => {
    const url = 'git+https://git.example/flotilla.git';
    const expected = { type: 'git', url, directory: 'platform/parcel' };
    assert.deepEqual(published({ repository: url })['repository'], expected);
    assert.deepEqual(published({ repository: { type: 'git', url } })['repository'], expected);
    assert.equal('repository' in published({}), false);
  });
});

it('declarations say of the texts about keys that they are texts', () => {
  const spelled = `shape: { readonly doc: "it's \\"so\\""; readonly type: 'string'; }; readonly doc: 'one; two';`;
  assert.equal(
    withoutTexts(spelled),
    `shape: { readonly doc: string; readonly type: 'string'; }; readonly doc: string;`,
  );
});

it('every package of the platform has a licence, the one of the repository', () => {
  const packages = findPackages(join(import.meta.dirname, '../..'));
  assert.ok(packages.length > 15);
  for (const { manifest } of packages) assert.equal(manifest['license'], 'Apache-2.0', manifest.name);
});
