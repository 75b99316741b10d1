import { useState } from 'preact/hooks';
import { useApi } from '../api.ts';
import { ago, clock, seconds } from '../format.ts';
import { Badge, Empty, Head, Missing, Operators, Panel, Problem, useChange } from '../parts.tsx';
import type { Letter, Messages } from '../shapes.ts';

export function MessagesPage() {
  const { data, error } = useApi<Messages>('messages', 2_000);
  if (!data) return <Problem error={error} />;
  return (
    <>
      <Head title="Messages" sub="what waits, and what was given up" />
      <Problem error={error} isStale />
      <Missing missing={data.missing} />
      <Panel title="Dead letters, by cause">
        {data.groups.length === 0 ? (
          <Empty>No message was given up.</Empty>
        ) : (
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th class="num">Count</th>
                  <th>Service</th>
                  <th>Type</th>
                  <th>Cause</th>
                  <th>Newest</th>
                </tr>
              </thead>
              <tbody>
                {data.groups.map((group) => (
                  <tr key={`${group.service} ${group.type} ${group.cause}`}>
                    <td class="num">{group.count}</td>
                    <td>{group.service}</td>
                    <td class="mono">{group.type}</td>
                    <td class="wrap">
                      <a
                        href={`/messages/${group.service}?type=${encodeURIComponent(group.type)}&cause=${encodeURIComponent(group.cause)}`}
                      >
                        {group.cause}
                      </a>
                    </td>
                    <td class="tight">{ago(group.newest)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
      <div class="grid">
        <Queues queues={data.queues} />
        <Outboxes outboxes={data.outboxes} />
      </div>
    </>
  );
}

function Queues({ queues }: { readonly queues: Messages['queues'] }) {
  return (
    <Panel title="Queues">
      {!queues.ok ? (
        <Empty>They are not known: {queues.why}.</Empty>
      ) : queues.value.length === 0 ? (
        <Empty>There are no queues.</Empty>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>Queue</th>
                <th class="num">Messages</th>
                <th class="num">Oldest</th>
                <th class="num">Consumers</th>
                <th>State</th>
              </tr>
            </thead>
            <tbody>
              {queues.value.map((queue) => (
                <tr key={queue.queue}>
                  <td>
                    <a href={`/services/${queue.subscriber}`}>{queue.queue}</a>
                  </td>
                  <td class="num">{queue.messages}</td>
                  <td class="num">
                    {queue.messages > 0 && queue.oldestAgeSeconds !== undefined
                      ? seconds(queue.oldestAgeSeconds)
                      : '–'}
                  </td>
                  <td class="num">{queue.consumers}</td>
                  <td>
                    <Badge state={queue.state} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function Outboxes({ outboxes }: { readonly outboxes: Messages['outboxes'] }) {
  return (
    <Panel title="Outboxes">
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Service</th>
              <th class="num">To be sent</th>
              <th class="num">Oldest</th>
              <th class="num">Held back</th>
              <th class="num">Later</th>
              <th class="num">Given up</th>
            </tr>
          </thead>
          <tbody>
            {outboxes.map(({ service, found }) => (
              <tr key={service}>
                <td>
                  <a href={`/services/${service}`}>{service}</a>
                </td>
                {found.ok ? (
                  <>
                    <td class="num">{found.value.backlog}</td>
                    <td class="num">
                      {found.value.backlog > 0 ? seconds(found.value.oldestAgeSeconds) : '–'}
                    </td>
                    <td class="num">{found.value.held}</td>
                    <td class="num">{found.value.delayed}</td>
                    <td class="num">{found.value.parked}</td>
                  </>
                ) : (
                  <td colSpan={5}>{found.why}</td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

/** The dead letters of one service: one, some or all of what is shown. */
export function LettersPage({
  service,
  query,
}: {
  readonly service: string;
  readonly query: URLSearchParams;
}) {
  const { data, error, reload } = useApi<{ letters: readonly Letter[] }>(
    `letters/${service}?${query}`,
    5_000,
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const { begin, view } = useChange(() => {
    setChosen(new Set());
    reload();
  });
  const [pace, setPace] = useState('');
  const letters = data?.letters ?? [];
  const ids = letters.map(({ id }) => id).filter((id) => chosen.size === 0 || chosen.has(id));
  const act = (action: 'redrive' | 'discard') =>
    begin({
      title: `${action === 'redrive' ? 'Redrive' : 'Discard'} ${ids.length}`,
      consequence:
        action === 'redrive'
          ? `They are handed to ${service} again, each key in its old order; what was handled after all has no effect.`
          : `They are forgotten for good: ${service} never handles them.`,
      path: `letters/${service}`,
      body: { action, ids, ...(action === 'redrive' && pace !== '' && { perSecond: Number(pace) }) },
    });
  const toggle = (id: string) =>
    setChosen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  return (
    <>
      <Head title={`Dead letters of ${service}`} sub={query.get('cause') ?? undefined}>
        <Operators>
          <label>
            at
            <select aria-label="Pace" value={pace} onChange={(event) => setPace(event.currentTarget.value)}>
              <option value="">full speed</option>
              {[1, 10, 100].map((one) => (
                <option key={one} value={one}>
                  {one} a second
                </option>
              ))}
            </select>
          </label>
          <button type="button" class="primary" disabled={ids.length === 0} onClick={() => act('redrive')}>
            Redrive {chosen.size === 0 ? 'all shown' : chosen.size}
          </button>
          <button type="button" class="danger" disabled={ids.length === 0} onClick={() => act('discard')}>
            Discard {chosen.size === 0 ? 'all shown' : chosen.size}
          </button>
        </Operators>
      </Head>
      {view}
      <Problem error={error} isStale={data !== undefined} />
      {data && letters.length === 0 && (
        <Panel title="None">
          <Empty>
            None is left. <a href="/messages">Messages</a>
          </Empty>
        </Panel>
      )}
      {letters.map((letter) => (
        <LetterView
          key={letter.id}
          letter={letter}
          isChosen={chosen.has(letter.id)}
          toggle={() => toggle(letter.id)}
        />
      ))}
    </>
  );
}

function LetterView({
  letter,
  isChosen,
  toggle,
}: {
  readonly letter: Letter;
  readonly isChosen: boolean;
  readonly toggle: () => void;
}) {
  const traceId = letter.traceparent?.split('-')[1];
  return (
    <section class="panel" aria-label={`Dead letter ${letter.id}`}>
      <header>
        <label>
          <input type="checkbox" checked={isChosen} onChange={toggle} /> <h2 class="mono">{letter.type}</h2>
        </label>
        <div class="right">
          {traceId && <a href={`/traces/${traceId}`}>trace</a>}
          <time dateTime={letter.deadAt}>{clock(letter.deadAt)}</time>
        </div>
      </header>
      <dl class="facts">
        <dt>Why</dt>
        <dd style={{ color: 'var(--bad)' }}>{letter.reason.split('\n')[0]}</dd>
        <dt>Key</dt>
        <dd class="mono">{letter.key}</dd>
        <dt>Message</dt>
        <dd class="mono">{letter.messageId}</dd>
        <dt>Failures</dt>
        <dd>
          {letter.failures}
          {letter.crashes > 0 && `, ${letter.crashes} crashes`}
        </dd>
      </dl>
      <details class="pad">
        <summary>Message and attempts</summary>
        <pre>{readable(letter.body)}</pre>
        {letter.attempts.map(({ at, error }) => (
          <div class="mono wrap" key={at}>
            {clock(at)} {error.split('\n')[0]}
          </div>
        ))}
        {letter.error && <pre>{letter.error}</pre>}
      </details>
    </section>
  );
}

function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
