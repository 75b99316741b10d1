import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
import { useApi } from '../api.ts';
import { milliseconds } from '../format.ts';
import { Badge, Empty, Head, Operators, Panel, Problem, useChange, wordsOf } from '../parts.tsx';
import { setFilter } from '../router.ts';
import type { Explanation, GatewaysView, RouteSummary, RouteView } from '../shapes.ts';
import { type Column, count, NONE, Table } from '../table.tsx';
import { Loading } from './edges.tsx';

export function GatewaysPage({ query }: { readonly query: URLSearchParams }) {
  const { data, error, reload } = useApi<GatewaysView>('gateways', 3_000);
  const { begin, view } = useChange(reload);
  if (!data) return <Loading error={error} />;
  return (
    <>
      <Head title="Gateway" sub="routes, their instances and circuits" />
      <Problem error={error} isStale />
      {view}
      {data.gateways.length === 0 && (
        <Panel title="None">
          <Empty>
            {data.why ?? 'No gateway that runs has an admin API: it needs the secret OPERATOR_TOKEN.'}
          </Empty>
        </Panel>
      )}
      {data.gateways.map((gateway) => (
        <div key={gateway.name}>
          <Explain gateway={gateway.name} query={query} />
          <Panel
            title={`Routes of ${gateway.name}`}
            right={
              <Operators>
                <button
                  type="button"
                  onClick={() =>
                    begin({
                      title: 'Reload',
                      consequence: 'The file is read again. One that is not valid changes nothing.',
                      path: `gateways/${gateway.name}`,
                      body: { action: 'reload' },
                    })
                  }
                >
                  reload
                </button>
              </Operators>
            }
          >
            {gateway.routes.ok ? (
              <Table
                rows={gateway.routes.value.toSorted((a, b) => troubleOf(b) - troubleOf(a))}
                keyOf={({ id }) => id}
                empty="It has no routes."
                columns={routeColumns(gateway.name)}
              />
            ) : (
              <Empty>They are not known: {gateway.routes.why}.</Empty>
            )}
          </Panel>
          <Limits gateway={gateway} />
        </div>
      ))}
    </>
  );
}

function troubleOf({ usable, instances, breaker }: RouteSummary): number {
  return (
    (breaker === 'open' ? 4 : 0) + (instances > 0 && usable === 0 ? 2 : 0) + (usable < instances ? 1 : 0)
  );
}

function routeColumns(gateway: string): readonly Column<RouteSummary>[] {
  return [
    {
      title: 'Route',
      look: 'mono tight',
      of: ({ id, upstream, methods }) => (
        <a href={`/gateways/${gateway}/${encodeURIComponent(id)}`}>
          {methods.length === 0 ? 'ANY' : methods.join(' ')} {upstream}
        </a>
      ),
    },
    { title: 'Goes to', of: ({ downstream }) => [downstream].flat().join(' ') },
    {
      title: 'Usable',
      look: 'num',
      of: ({ usable, instances }) =>
        instances === 0 ? (
          NONE
        ) : usable === 0 ? (
          <Badge state="gone" />
        ) : (
          <span class={usable < instances ? 'warn' : ''}>{`${usable} of ${instances}`}</span>
        ),
    },
    {
      title: 'Circuit',
      of: ({ breaker }) => (breaker ? <Badge state={breaker === 'open' ? 'open circuit' : breaker} /> : NONE),
    },
    {
      title: 'Shares',
      of: ({ versions = [], strangler }) =>
        strangler
          ? `${strangler.mode} ${strangler.percent} %`
          : versions.length > 0
            ? versions.map(({ tag, weight }) => `${tag} ${weight}`).join(', ')
            : NONE,
    },
  ];
}

function Limits({ gateway }: { readonly gateway: GatewaysView['gateways'][number] }) {
  const facts = [
    ...(gateway.limits.ok ? Object.entries(gateway.limits.value) : []),
    ...(gateway.cache.ok
      ? Object.entries(gateway.cache.value).map(([name, value]) => [`cache ${name}`, value] as const)
      : []),
  ];
  if (facts.length === 0) return null;
  return (
    <Panel title="Load and limits">
      <dl class="facts">
        {facts.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{wordsOf(name)}</dt>
            <dd>{typeof value === 'number' ? count(value) : value === null ? 'unlimited' : String(value)}</dd>
          </Fragment>
        ))}
      </dl>
    </Panel>
  );
}

/** What would become of a request; nothing is sent. */
function Explain({ gateway, query }: { readonly gateway: string; readonly query: URLSearchParams }) {
  const url = query.get('url') ?? '';
  const method = query.get('method') ?? 'GET';
  const asked =
    url === '' ? undefined : `gateways/${gateway}/explain?${new URLSearchParams({ method, url })}`;
  const { data, error } = useApi<{ explanation: Explanation }>(asked);
  return (
    <Panel title="What would become of a request">
      <div class="filters pad">
        <select
          aria-label="Method"
          value={method}
          onChange={(event) => setFilter('method', event.currentTarget.value)}
        >
          {['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        <input
          type="search"
          aria-label="URL"
          placeholder="/orders/42"
          value={url}
          onInput={(event) => setFilter('url', event.currentTarget.value)}
        />
        {url === '' && <span class="dim">nothing is sent</span>}
      </div>
      <Problem error={error} />
      {data && <Explained explanation={data.explanation} />}
    </Panel>
  );
}

function Explained({ explanation: { winner, refusal, others } }: { readonly explanation: Explanation }) {
  return (
    <dl class="facts">
      {winner && (
        <>
          <dt>Taken by</dt>
          <dd>
            <b class="mono">{winner.name}</b> <span class="dim">{winner.place}</span>
          </dd>
          {winner.upstream.map((call) => (
            <Fragment key={`${call.method} ${call.url}`}>
              <dt>Sent on as</dt>
              <dd>
                <span class="mono wrap">
                  {call.method} {call.url ?? 'refused with 400'}
                </span>{' '}
                <span class="dim">
                  {call.balancer}; {call.policies.join(', ') || 'no policies'}
                </span>
              </dd>
            </Fragment>
          ))}
        </>
      )}
      {refusal && (
        <>
          <dt>Refused</dt>
          <dd class="bad">
            {refusal.status} {refusal.code}: {refusal.detail}
          </dd>
        </>
      )}
      {others.length > 0 && (
        <>
          <dt>Others</dt>
          <dd>
            <details>
              <summary>{others.length} do not take it</summary>
              {others.map(({ place, name, reasons }) => (
                <div key={place}>
                  <span class="mono">{name}</span> <span class="dim">{reasons.join('; ')}</span>
                </div>
              ))}
            </details>
          </dd>
        </>
      )}
    </dl>
  );
}

export function RoutePage({ gateway, id }: { readonly gateway: string; readonly id: string }) {
  const { data, error, reload } = useApi<{ route: RouteView }>(
    `gateways/${gateway}/${encodeURIComponent(id)}`,
    3_000,
  );
  const { begin, view } = useChange(reload);
  const route = data?.route;
  return (
    <>
      <Head title="Route" sub={id}>
        <a href="/gateways">all</a>
      </Head>
      <Problem error={error} isStale={data !== undefined} />
      {view}
      {route && (
        <>
          <Panel
            title="Instances"
            right={
              route.breaker && <Badge state={route.breaker === 'open' ? 'open circuit' : route.breaker} />
            }
          >
            <Table
              rows={route.instances}
              keyOf={({ address }) => address}
              empty="None is known."
              columns={[
                { title: 'Address', look: 'mono tight', of: ({ address }) => address },
                { title: 'State', of: ({ state }) => <Badge state={state} /> },
                { title: 'Under way', look: 'num', of: ({ inFlight }) => inFlight },
                { title: 'Takes', look: 'num', of: ({ latencyMs }) => milliseconds(latencyMs) },
                {
                  title: 'Failed in a row',
                  look: 'num',
                  of: ({ consecutiveFailures }) => consecutiveFailures || NONE,
                },
                {
                  title: 'Change',
                  of: ({ address, state }) => {
                    const action = state === 'held-out' ? 'restore' : 'eject';
                    return (
                      <Operators>
                        <button
                          type="button"
                          aria-label={`${action} ${address}`}
                          onClick={() =>
                            begin({
                              title: action === 'eject' ? 'Eject' : 'Restore',
                              consequence:
                                action === 'eject'
                                  ? `No request goes to ${address} until it is restored.`
                                  : `${address} gets requests again.`,
                              path: `gateways/${gateway}`,
                              body: { action, subject: address },
                            })
                          }
                        >
                          {action}
                        </button>
                      </Operators>
                    );
                  },
                },
              ]}
            />
          </Panel>
          {route.versions && route.versions.length > 0 && (
            <Operators>
              <Weights gateway={gateway} route={route} begin={begin} />
            </Operators>
          )}
          <Panel title="Its configuration">
            <pre>{JSON.stringify(route.config, null, 2)}</pre>
          </Panel>
        </>
      )}
    </>
  );
}

function Weights(props: {
  readonly gateway: string;
  readonly route: RouteView;
  readonly begin: ReturnType<typeof useChange>['begin'];
}) {
  const { gateway, route, begin } = props;
  const [weights, setWeights] = useState<Readonly<Record<string, number>>>({});
  const versions = route.versions ?? [];
  return (
    <Panel title="Shares of its versions">
      <form
        class="filters pad"
        onSubmit={(event) => {
          event.preventDefault();
          const order = Object.fromEntries(versions.map(({ tag, weight }) => [tag, weights[tag] ?? weight]));
          const consequence = `Requests are shared ${Object.entries(order)
            .map(([tag, weight]) => `${tag} ${weight}`)
            .join(', ')} from now on.`;
          begin({
            title: 'Share',
            consequence,
            path: `gateways/${gateway}`,
            body: { action: 'weights', subject: route.id, order },
          });
        }}
      >
        {versions.map(({ tag, weight }) => (
          <label key={tag}>
            {tag}
            <input
              type="number"
              min="0"
              value={weights[tag] ?? weight}
              onInput={(event) => setWeights({ ...weights, [tag]: Number(event.currentTarget.value) })}
            />
          </label>
        ))}
        <button type="submit">Share …</button>
      </form>
    </Panel>
  );
}
