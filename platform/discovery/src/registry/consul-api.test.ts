import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { describeRegistry } from '../../test/each-registry.ts';

const NOTHING: Readonly<Record<string, unknown>> = {};

describeRegistry((api) => {
  describe('registration', () => {
    it('fills in what is not said', async () => {
      const web = api().name('web');
      await api().register({ Name: web, Port: 80, Check: { TTL: '1m' } });
      const [entry] = (await api().health(web)).entries;
      const { ID, Service, Tags, Weights, EnableTagOverride, Port } = entry?.Service ?? NOTHING;
      assert.deepEqual(
        { ID, Service, Tags, Weights, EnableTagOverride, Port },
        {
          ID: web,
          Service: web,
          Tags: [],
          Weights: { Passing: 1, Warning: 1 },
          EnableTagOverride: false,
          Port: 80,
        },
      );
      const check = entry?.Checks.find(({ CheckID }) => CheckID === `service:${web}`);
      assert.equal(check?.Status, 'critical');
      assert.equal(check?.['Name'], `Service '${web}' check`);
      assert.equal(check?.['Type'], 'ttl');
    });

    it('reads names in any case, with underscores, and numbers as nanoseconds', async () => {
      const web = api().name('web');
      await api().register({
        Name: web,
        port: 81,
        tags: ['a'],
        enable_tag_override: true,
        check: { ttl: 60e9, status: 'passing', deregister_critical_service_after: '90m' },
      });
      const { entries } = await api().health(`${web}?passing`);
      assert.equal(entries[0]?.Service['Port'], 81);
      assert.equal(entries[0]?.Service['EnableTagOverride'], true);
    });

    it('numbers several checks, and keeps those that are left out unless it is told to replace them', async () => {
      const web = api().name('web');
      const ids = async () =>
        (await api().health(web)).entries[0]?.Checks.map(({ CheckID }) => CheckID).sort();
      await api().register({ Name: web, Check: { TTL: '1m' }, Checks: [{ TTL: '2m' }] });
      await eventually('both', async () => (await ids())?.length === 3);
      assert.deepEqual(await ids(), ['serfHealth', `service:${web}:1`, `service:${web}:2`]);
      await api().register({ Name: web, Check: { CheckID: `${web}-own`, TTL: '1m' } });
      await eventually('three', async () => (await ids())?.length === 4);
      const only = { Name: web, Check: { CheckID: `${web}-own`, TTL: '1m' } };
      await api().call('PUT', 'agent/service/register?replace-existing-checks=true', only);
      await eventually('one', async () => (await ids())?.length === 2);
    });

    it('never lifts nor lowers the status of a check that is there', async () => {
      const web = api().name('web');
      const status = async () =>
        (await api().get<Record<string, { Status: string }>>('agent/checks'))[`service:${web}`]?.Status;
      const body = { Name: web, Check: { TTL: '1m', Status: 'passing' } };
      await api().register(body);
      await api().call('PUT', `agent/check/fail/service:${web}`);
      await api().call('PUT', 'agent/service/register', body);
      assert.equal(await status(), 'critical');
      await api().call('PUT', 'agent/service/register?replace-existing-checks=true', body);
      assert.equal(await status(), 'critical');
    });

    it('refuses what makes no sense, and says what', async () => {
      const named = (more: object) => ({ Name: 'web', ...more });
      const cases: readonly (readonly [body: unknown, status: number, text: RegExp])[] = [
        ['', 400, /^Request decode failed: EOF$/],
        ['{', 400, /^Request decode failed: /],
        ['null', 400, /^Missing service name$/],
        [{}, 400, /^Missing service name$/],
        [named({ Address: '0.0.0.0' }), 400, /^Invalid service address$/],
        [named({ Tags: 'a' }), 400, /^Request decode failed: /],
        [named({ Tags: [1] }), 400, /^Request decode failed: /],
        [named({ Checks: {} }), 400, /^Request decode failed: /],
        [named({ ID: 5 }), 400, /^Request decode failed: /],
        [named({ EnableTagOverride: 'true' }), 400, /^Request decode failed: /],
        [named({ Nonsense: 1 }), 400, /^Request decode failed: .*unknown field "Nonsense"/],
        [named({ Weights: { Passing: 0 } }), 400, /^Invalid Weights: /],
        [named({ Weights: { Passing: 1_000_000 } }), 400, /^Invalid Weights: /],
        [named({ Meta: { 'bad key!': 'x' } }), 400, /^Invalid Service Meta: /],
        [named({ Meta: { 'consul-x': 'x' } }), 400, /^Invalid Service Meta: /],
        [named({ Check: { TTL: 'soon' } }), 400, /^Request decode failed: .*time: invalid duration "?soon/],
        [
          named({ Check: { TTL: '1s', Interval: '1s' } }),
          400,
          /^Invalid check: .*Interval and TTL cannot both/,
        ],
        [named({ Check: { HTTP: 'http://127.0.0.1' } }), 400, /^Invalid check: .*Interval must be > 0/],
        [named({ Check: { TTL: '1s', Status: 'fine' } }), 400, /Status for checks must/],
      ];
      for (const [body, status, text] of cases) {
        const reply = await api().call('PUT', 'agent/service/register', body);
        assert.equal(reply.status, status, JSON.stringify(body));
        assert.match(reply.text, text, JSON.stringify(body));
      }
      const program = await api().call(
        'PUT',
        'agent/service/register',
        named({ Check: { Args: ['true'], Interval: '1s' } }),
      );
      assert.match(program.text, /Scripts are disabled on this agent/); // a 500 of Consul, a 400 here
      const weights = api().name('web');
      await api().register({ Name: weights, Weights: { Passing: 5 } });
      assert.deepEqual((await api().health(weights)).entries[0]?.Service['Weights'], {
        Passing: 5,
        Warning: 0,
      });
    });

    it('ends with the deregistration, which knows ids and no names', async () => {
      const web = api().name('web');
      await api().register({ Name: web, ID: `${web}/ü 1` });
      const { status, text } = await api().call('PUT', `agent/service/deregister/${web}`);
      assert.equal(status, 404);
      assert.equal(
        text,
        `Unknown service ID "${web}". Ensure that the service ID is passed, not the service name.`,
      );
      assert.equal(
        (await api().call('PUT', `agent/service/deregister/${encodeURIComponent(`${web}/ü 1`)}`)).status,
        200,
      );
      await eventually('gone', async () => (await api().health(web)).entries.length === 0);
    });
  });

  describe('checks', () => {
    const statusOf = async (id: string) =>
      (await api().get<Record<string, { Status: string; Output: string; Notes: string }>>('agent/checks'))[
        id
      ];

    it('of other kinds are carried out: HTTP by its status, TCP by its connection', async () => {
      let code = 200;
      const target = createServer((_request, response) => response.writeHead(code).end('well'));
      await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
      const { port } = target.address() as AddressInfo;
      const web = api().name('web');
      await api().register({
        Name: web,
        Checks: [
          { CheckID: `${web}-http`, HTTP: `http://127.0.0.1:${port}/`, Interval: '1s', Timeout: '1s' },
          { CheckID: `${web}-tcp`, TCP: `127.0.0.1:${port}`, Interval: '1s' },
          { CheckID: `${web}-grpc`, GRPC: `127.0.0.1:${port}`, Interval: '1s', Timeout: '1s' },
        ],
      });
      const becomes = (check: string, status: string) =>
        eventually(
          `${check} is ${status}`,
          async () => (await statusOf(`${web}-${check}`))?.Status === status,
        );
      await becomes('http', 'passing');
      await becomes('tcp', 'passing');
      assert.match((await statusOf(`${web}-http`))?.Output ?? '', /^HTTP GET .*: 200 OK Output: well$/);
      assert.equal((await statusOf(`${web}-grpc`))?.Status, 'critical');
      code = 429;
      await becomes('http', 'warning');
      code = 500;
      await becomes('http', 'critical');
      target.close();
      target.closeAllConnections();
      await becomes('tcp', 'critical');
      await api().call('PUT', `agent/service/deregister/${web}`);
    });

    it('change only after so many results of the same kind', async () => {
      let isWell = true;
      let asked = 0;
      const target = createServer((_request, response) => {
        asked += 1;
        response.writeHead(isWell ? 200 : 500).end();
      });
      await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
      const { port } = target.address() as AddressInfo;
      const web = api().name('web');
      const check = { HTTP: `http://127.0.0.1:${port}/`, Interval: '1s', FailuresBeforeCritical: 2 };
      await api().register({ Name: web, Check: { ...check, FailuresBeforeWarning: 1 } });
      await eventually('passing', async () => (await statusOf(`service:${web}`))?.Status === 'passing');
      isWell = false;
      const before = asked;
      await eventually('warning', async () => (await statusOf(`service:${web}`))?.Status === 'warning');
      await eventually('critical', async () => (await statusOf(`service:${web}`))?.Status === 'critical');
      assert.ok(asked - before >= 2);
      await api().call('PUT', `agent/service/deregister/${web}`);
      target.close();
      target.closeAllConnections();
    });

    it('are registered alone, for a service or the node, and taken away', async () => {
      const web = api().name('web');
      await api().register({ Name: web });
      const check = { Name: 'more', ID: `${web}-more`, TTL: '1m' };
      assert.equal(
        (await api().call('PUT', 'agent/check/register', { ...check, ServiceID: web })).status,
        200,
      );
      await eventually('it counts', async () => (await api().health(`${web}?passing`)).entries.length === 0);
      await api().call('PUT', `agent/check/pass/${web}-more?note=good`);
      await eventually('it passes', async () => (await api().health(`${web}?passing`)).entries.length === 1);
      assert.equal((await statusOf(`${web}-more`))?.Output, 'good');
      assert.equal((await api().call('PUT', `agent/check/deregister/${web}-more`)).status, 200);
      const unknown = await api().call('PUT', `agent/check/pass/${web}-more`);
      assert.deepEqual(
        [unknown.status, unknown.text],
        [404, `Unknown check ID "${web}-more". Ensure that the check ID is passed, not the check name.`],
      );
      const orphan = await api().call('PUT', 'agent/check/register', { ...check, ServiceID: 'nobody' });
      assert.deepEqual([orphan.status, orphan.text], [404, 'ServiceID "nobody" does not exist']);
      assert.equal(
        (await api().call('PUT', 'agent/check/register', { TTL: '1m' })).text,
        'Missing check name',
      );
    });

    it('expire without a note, and say what came last with one', async () => {
      const web = api().name('web');
      await api().register({ Name: web, Check: { TTL: '300ms', Status: 'passing' } });
      await eventually('expired', async () => (await statusOf(`service:${web}`))?.Output === 'TTL expired');
      await api().call('PUT', `agent/check/pass/service:${web}?note=well`);
      await eventually('expired', async () =>
        (await statusOf(`service:${web}`))?.Output?.endsWith('(last output before timeout follows): well'),
      );
    });

    it('show the beginning of a long output', async () => {
      const web = api().name('web');
      await api().register({ Name: web, Check: { TTL: '1m' } });
      await api().call('PUT', `agent/check/update/service:${web}`, {
        Status: 'passing',
        Output: 'x'.repeat(5_000),
      });
      assert.equal(
        (await statusOf(`service:${web}`))?.Output,
        `${'x'.repeat(4_096)} ... (captured 4096 of 5000 bytes)`,
      );
      const wrong = await api().call('PUT', `agent/check/update/service:${web}`, { Status: 'fine' });
      assert.deepEqual([wrong.status, wrong.text], [400, "Invalid check status: 'fine'"]);
    });

    it('of maintenance are critical, with the first reason', async () => {
      const web = api().name('web');
      await api().register({ Name: web });
      const id = `_service_maintenance:${web}`;
      assert.equal(
        (await api().call('PUT', `agent/service/maintenance/${web}?enable=true&reason=first`)).status,
        200,
      );
      await api().call('PUT', `agent/service/maintenance/${web}?enable=true&reason=second`);
      assert.equal((await statusOf(id))?.Notes, 'first');
      await eventually('left out', async () => (await api().health(`${web}?passing`)).entries.length === 0);
      await api().call('PUT', `agent/service/maintenance/${web}?enable=false`);
      await eventually('back', async () => (await api().health(`${web}?passing`)).entries.length === 1);
      for (const [query, text] of [
        ['', 'Missing value for enable'],
        ['?enable=z', 'Invalid value for enable: "z"'],
      ])
        assert.equal((await api().call('PUT', `agent/service/maintenance/${web}${query}`)).text, text);
    });
  });

  describe('the agent', () => {
    it('shows its services and says by status how they are', async () => {
      const web = api().name('web');
      await api().register({ Name: web, Port: 80, Check: { TTL: '1m', Status: 'passing' } });
      const services =
        await api().get<Record<string, { Service: string; Port: number; Datacenter: string }>>(
          'agent/services',
        );
      assert.deepEqual(
        [services[web]?.Service, services[web]?.Port, services[web]?.Datacenter],
        [web, 80, 'dc1'],
      );
      const health = async (path: string) => {
        const { status, headers } = await api().call('GET', `agent/health/service/${path}`);
        return [status, headers.get('x-consul-reason')];
      };
      assert.deepEqual(await health(`id/${web}`), [200, 'passing']);
      await api().call('PUT', `agent/check/warn/service:${web}`);
      assert.deepEqual(await health(`name/${web}`), [429, 'warning']);
      await api().call('PUT', `agent/check/fail/service:${web}`);
      assert.deepEqual(await health(`id/${web}`), [503, 'critical']);
      assert.equal((await health(`id/${web}-x`))[0], 404);
      assert.equal((await health(`name/${web}-x`))[0], 404);
      assert.equal(
        (await api().call('GET', `agent/health/service/name/${web}?format=text`)).text,
        'critical',
      );
    });

    it('waits by a hash for another definition, and tells of the end of a service', async () => {
      const web = api().name('web');
      await api().register({ Name: web, Port: 80, Check: { TTL: '1m' } });
      const first = await api().call('GET', `agent/service/${web}`);
      const hash = first.headers.get('x-consul-contenthash');
      assert.equal((JSON.parse(first.text) as { ContentHash: string }).ContentHash, hash);
      const held = api().call('GET', `agent/service/${web}?hash=${hash}&wait=60s`);
      await api().settled();
      await api().call('PUT', `agent/check/pass/service:${web}`); // health is no part of it
      await api().register({ Name: web, Port: 81, Check: { TTL: '1m' } });
      const second = await held;
      assert.equal((JSON.parse(second.text) as { Port: number }).Port, 81);
      const next = second.headers.get('x-consul-contenthash');
      const last = api().call('GET', `agent/service/${web}?hash=${next}&wait=60s`);
      await api().settled();
      await api().call('PUT', `agent/service/deregister/${web}`);
      const { status, text } = await last;
      assert.deepEqual([status, text], [404, `unknown service ID: ${web}`]);
    });

    it('knows itself', async () => {
      const self = await api().get<{ Config: { NodeName: string; Datacenter: string } }>('agent/self');
      const nodes = await api().get<readonly { Node: string }[]>('catalog/nodes');
      assert.ok(nodes.some(({ Node }) => Node === self.Config.NodeName));
      assert.equal(
        (await api().get<readonly { Name: string }[]>('agent/members'))[0]?.Name,
        self.Config.NodeName,
      );
      assert.deepEqual(await api().get('catalog/datacenters'), ['dc1']);
      const leader = await api().get<string>('status/leader');
      assert.deepEqual(await api().get('status/peers'), [leader]);
    });
  });

  describe('what is asked for', () => {
    it('is narrowed by tags, metadata of nodes and filters', async () => {
      const web = api().name('web');
      await api().register({ ID: `${web}-1`, Name: web, Tags: ['a', 'B'], Port: 80, Meta: { version: '2' } });
      await api().register({ ID: `${web}-2`, Name: web, Tags: ['a'], Port: 81 });
      const ids = async (query: string) =>
        (await api().health(`${web}?${query}`)).entries
          .map(({ Service }) => Service.ID.slice(-1))
          .sort()
          .join();
      const filter = (text: string) => ids(`filter=${encodeURIComponent(text)}`);
      assert.equal(await ids('tag=a'), '1,2');
      assert.equal(await ids('tag=a&tag=b'), '1', 'tags are the same in any case');
      assert.equal(await ids('node-meta=rack:9'), '');
      assert.equal(await filter('Service.Meta.version == "2"'), '1');
      assert.equal(await filter('Service.Meta.version != "2"'), '2');
      assert.equal(await filter('"B" in Service.Tags and Service.Port == 80'), '1');
      assert.equal(await filter('Service.Tags not contains "B" or Service.Port == 80'), '1,2');
      assert.equal(await filter('not (Service.ID matches "-1$")'), '2');
      assert.equal(await filter('Service.Meta is empty'), '2');
      assert.equal(await filter('Checks.Status == "passing"'), '1,2');
      assert.equal(
        (await api().call('GET', `health/service/${web}?filter=Service.Nothing%20==%201`)).status,
        500,
      );
      assert.equal((await api().call('GET', `health/service/${web}?filter=Service.Port%20==`)).status, 500);
      assert.equal(
        (await api().health(web.toUpperCase())).entries.length,
        2,
        'names are the same in any case',
      );
    });

    it('is refused when it cannot be given', async () => {
      for (const [query, status, text] of [
        ['ns=shop', 400, /"ns" - Namespaces are a Consul Enterprise feature/],
        ['partition=x', 400, /Partitions are a Consul Enterprise feature/],
        ['dc=elsewhere', 500, /^No path to datacenter$/],
        ['stale&consistent', 400, /^Cannot specify \?stale with \?consistent, conflicting semantics\.$/],
        ['passing=abc', 400, /^Invalid value for \?passing$/],
        ['index=abc', 400, /^Invalid index$/],
        ['index=1&wait=soon', 400, /^Invalid wait time$/],
      ] as const) {
        const reply = await api().call('GET', `health/service/web?${query}`);
        assert.equal(reply.status, status, query);
        assert.match(reply.text, text, query);
      }
      assert.equal((await api().call('GET', 'health/service/')).text, 'Missing service name');
      assert.equal((await api().call('POST', 'health/service/web')).status, 405);
      assert.equal((await api().call('GET', 'nothing')).status, 404);
    });

    it('of what is not there is empty, and has an index', async () => {
      const nobody = api().name('nobody');
      for (const [path, value] of [
        [`health/service/${nobody}`, []],
        [`health/checks/${nobody}`, []],
        [`health/node/${nobody}`, []],
        [`catalog/service/${nobody}`, []],
        [`catalog/node/${nobody}`, null],
        [`catalog/node-services/${nobody}`, { Node: null, Services: null }],
      ] as const) {
        const { status, text, index } = await api().call('GET', path);
        assert.equal(status, 200, path);
        assert.deepEqual(JSON.parse(text), value, path);
        assert.ok(index > 0, path);
      }
      const missing = await api().call('GET', `kv/${nobody}`);
      assert.deepEqual([missing.status, missing.text, missing.index > 0], [404, '', true]);
    });

    it('by check, node or state shows the same checks', async () => {
      const web = api().name('web');
      await api().register({ Name: web, Tags: ['t'], Check: { TTL: '1m', Status: 'warning' } });
      const own = (checks: readonly { ServiceName: string; ServiceTags: readonly string[] }[]) =>
        checks.filter(({ ServiceName }) => ServiceName === web).map(({ ServiceTags }) => ServiceTags.join());
      const self = await api().get<{ Config: { NodeName: string } }>('agent/self');
      for (const path of [`checks/${web}`, `node/${self.Config.NodeName}`, 'state/any', 'state/warning'])
        await eventually(path, async () => own(await api().get(`health/${path}`)).join() === 't');
      assert.deepEqual(own(await api().get('health/state/critical')), []);
      assert.equal(
        (await api().get<Record<string, readonly string[]>>('catalog/services'))[web]?.join(),
        't',
      );
    });
  });

  describe('a question that waits', () => {
    it('is woken by its service and by no other, and not by what changes nothing', async () => {
      const web = api().name('web');
      const body = { Name: web, Check: { TTL: '1m', Status: 'passing' } };
      await api().register(body);
      await eventually('passing', async () => (await api().health(`${web}?passing`)).entries.length === 1);
      const { index } = await api().health(web);
      let isWoken = false;
      const held = api()
        .health(`${web}?index=${index}&wait=60s`)
        .finally(() => {
          isWoken = true;
        });
      await api().register({ Name: api().name('other') });
      await api().call('PUT', `agent/check/pass/service:${web}`);
      await api().call('PUT', 'agent/service/register', body);
      await api().settled();
      assert.equal(isWoken, false);
      await api().call('PUT', `agent/check/fail/service:${web}`);
      const after = await held;
      assert.ok(after.index > index);
      assert.ok(after.entries[0]?.Checks.some(({ Status }) => Status === 'critical'));
    });

    it('with an index above the current one is held until its wait ends, with the lower one', async () => {
      const web = api().name('web');
      await api().register({ Name: web });
      const { index } = await api().health(web);
      const { index: after } = await api().health(`${web}?index=${index + 1_000_000}&wait=1s`);
      assert.ok(after < index + 1_000_000);
    });

    it('on an unknown service ends with its birth', async () => {
      const web = api().name('web');
      const { index } = await api().health(web);
      const held = api().health(`${web}?index=${index}&wait=60s`);
      await api().settled();
      await api().register({ Name: web });
      assert.equal((await held).entries.length, 1);
    });
  });

  it('knows nodes without an agent, their services and their checks', async () => {
    const node = api().name('node');
    const Service = { ID: `${node}-db`, Service: `${node}-db`, Port: 5432 };
    const Check = { CheckID: 'c', Name: 'c', Status: 'passing', ServiceID: `${node}-db` };
    const body = { Node: node, Address: '10.0.0.9', NodeMeta: { rack: node }, Service, Check };
    assert.equal((await api().call('PUT', 'catalog/register', body)).text, 'true');
    const { entries } = await api().health(`${node}-db?passing&node-meta=rack:${node}`);
    assert.deepEqual([entries[0]?.Node['Address'], entries[0]?.Service['Port']], ['10.0.0.9', 5432]);
    assert.equal(
      (await api().get<{ Services: Record<string, unknown> }>(`catalog/node/${node}`)).Services[
        Service.ID
      ] !== undefined,
      true,
    );
    assert.equal((await api().call('PUT', 'catalog/deregister', { Node: node })).text, 'true');
    assert.deepEqual((await api().health(`${node}-db`)).entries, []);
  });
});
