import { useApi } from '../api.ts';
import { Empty, Head, Missing, Panel, Problem } from '../parts.tsx';
import type { Overview } from '../shapes.ts';
import { TrafficMap } from '../traffic-map.tsx';
import { SagaTable } from './sagas.tsx';

export function OverviewPage({ record }: { readonly record: string | undefined }) {
  const { data, error } = useApi<Overview>('overview', 2_000);
  if (!data) return <Problem error={error} />;
  const processes = data.processes.ok ? data.processes.value : [];
  const down = processes.filter(({ state, ready }) => state !== 'Running' || !ready);
  const stuck = data.sagas.ok ? data.sagas.value.sagas : undefined;
  return (
    <>
      <Head
        title="Overview"
        sub={`${processes.length - down.length} of ${processes.length} processes are ready`}
      />
      <Problem error={error} isStale />
      <Tiles data={data} down={data.processes.ok ? down.length : undefined} />
      {data.sagas.ok && <Missing missing={data.sagas.value.missing} />}
      {stuck && stuck.length > 0 && (
        <Panel title="Stuck: these need a hand" right={<a href="/sagas?status=stuck">all</a>}>
          <SagaTable sagas={stuck.slice(0, 8)} record={record} />
        </Panel>
      )}
      <Panel
        title="Who talks to whom"
        right={<span>the last {data.windowMs / 60_000} minutes; dashed: one side alone has told of it</span>}
      >
        {data.system.nodes.length === 0 ? <Empty>No services.</Empty> : <TrafficMap overview={data} />}
        {!data.edges.ok && <p class="empty">No traffic is known: {data.edges.why}.</p>}
      </Panel>
    </>
  );
}

/** How much of everything needs a hand; `undefined` where it is not known. */
function countsOf(data: Overview) {
  const messages = data.messages.ok ? data.messages.value : undefined;
  const entries = data.edges.ok ? data.edges.value.filter(({ source }) => source === 'outside') : [];
  const perMinute = entries.reduce((sum, { count }) => sum + count, 0) / (data.windowMs / 60_000);
  return {
    stuck: data.sagas.ok ? data.sagas.value.sagas.length : undefined,
    dead: messages?.groups.reduce((sum, { count }) => sum + count, 0),
    waiting: messages?.queues.ok
      ? messages.queues.value.reduce((sum, queue) => sum + queue.messages, 0)
      : undefined,
    burning: data.burning.ok ? data.burning.value.length : undefined,
    lost: data.losses.ok ? data.losses.value.reduce((sum, { count }) => sum + count, 0) : 0,
    perMinute: entries.length > 0 ? Math.round(perMinute) : undefined,
  };
}

function Tiles({ data, down }: { readonly data: Overview; readonly down: number | undefined }) {
  const { stuck, dead, waiting, burning, lost, perMinute } = countsOf(data);
  return (
    <div class="tiles">
      <Tile href="/sagas?status=stuck" title="stuck sagas" value={stuck} isBad={(stuck ?? 0) > 0} />
      <Tile href="/messages" title="dead letters" value={dead} isBad={(dead ?? 0) > 0} />
      <Tile href="/messages" title="messages that wait" value={waiting} />
      <Tile href="/services" title="processes that are not ready" value={down} isBad={(down ?? 0) > 0} />
      <Tile href="/slos" title="objectives that burn too fast" value={burning} isBad={(burning ?? 0) > 0} />
      <Tile href="/traces" title="requests a minute" value={perMinute} />
      {lost > 0 && <Tile href="/logs" title="records of telemetry not kept" value={lost} isBad />}
    </div>
  );
}

function Tile(props: {
  readonly href: string;
  readonly title: string;
  readonly value: number | undefined;
  readonly isBad?: boolean;
}) {
  const { value, isBad = false } = props;
  return (
    <a class={`tile ${isBad ? 'bad' : ''}`} href={props.href}>
      <b>{value ?? '–'}</b>
      <span>{props.title}</span>
    </a>
  );
}
