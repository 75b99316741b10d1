import { useMemo, useRef, useState } from 'preact/hooks';
import { useApi } from '../api.ts';
import { clock, colourOf, milliseconds } from '../format.ts';
import { Chips, Head, Lines, Panel, Problem } from '../parts.tsx';
import { setFilter } from '../router.ts';
import type { LogLine, Span, Trace } from '../shapes.ts';
import { matches, rowsOf, visibleRows, type WaterRow } from '../waterfall.ts';

type Details = Trace & { readonly details: readonly Span[]; readonly logs: readonly LogLine[] };

export function TracePage({ id, query }: { readonly id: string; readonly query: URLSearchParams }) {
  const { data, error } = useApi<Details>(`traces/${id}`);
  return (
    <>
      <Head
        title={data?.name ?? 'Trace'}
        sub={data && `${clock(data.startMs)} · ${milliseconds(data.durationMs)} · ${data.spans} spans`}
      >
        <span class="mono dim">{id}</span>
      </Head>
      <Problem error={error} isStale={data !== undefined} />
      {data && <Waterfall trace={data} words={query.get('find') ?? ''} chosen={query.get('span') ?? ''} />}
      {data && (
        <Panel title="Lines of logs" right={<a href={`/logs?trace=${id}`}>open</a>}>
          <Lines lines={data.logs} />
        </Panel>
      )}
    </>
  );
}

const ROW = 26;
const OVERSCAN = 12;

function Waterfall({
  trace,
  words,
  chosen,
}: {
  readonly trace: Details;
  readonly words: string;
  readonly chosen: string;
}) {
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const [top, setTop] = useState(0);
  const [isAsTold, setAsTold] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => rowsOf(trace.details), [trace]);
  const shown = useMemo(() => {
    const open = visibleRows(rows, collapsed);
    return words === '' ? open : rows.filter(({ span }) => matches(span, words));
  }, [rows, collapsed, words]);
  const height = box.current?.clientHeight ?? 600;
  const first = Math.max(0, Math.floor(top / ROW) - OVERSCAN);
  const drawn = shown.slice(first, first + Math.ceil(height / ROW) + 2 * OVERSCAN);
  const selected = trace.details.find(({ spanId }) => spanId === chosen);
  const total = Math.max(1, trace.durationMs * 1_000);
  const toggle = (id: string) =>
    setCollapsed((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  return (
    <>
      <div class="filters">
        <input
          type="search"
          placeholder="Find: name, service, attribute=value, >50ms"
          data-finds
          aria-label="Find spans"
          value={words}
          onInput={(event) => setFilter('find', event.currentTarget.value)}
        />
        <span class="dim">
          {shown.length} of {rows.length} spans
        </span>
        <Chips services={trace.services} />
      </div>
      <Doubts rows={rows} isAsTold={isAsTold} setAsTold={setAsTold} />
      <section class="panel" aria-label="Spans">
        <div
          class="water"
          style={{ height: `min(70vh, ${Math.max(4, shown.length) * ROW}px)` }}
          ref={box}
          onScroll={(event) => setTop(event.currentTarget.scrollTop)}
        >
          <div style={{ height: `${shown.length * ROW}px`, position: 'relative' }}>
            {drawn.map((row, index) => (
              <SpanRow
                key={row.span.spanId}
                row={row}
                at={(first + index) * ROW}
                total={total}
                isOn={row.span.spanId === chosen}
                isCollapsed={collapsed.has(row.span.spanId)}
                isAsTold={isAsTold}
                toggle={toggle}
              />
            ))}
          </div>
        </div>
      </section>
      {selected && <SpanView span={selected} />}
    </>
  );
}

/** What of a trace cannot be as it was told, or is not all of it. */
function Doubts(props: {
  readonly rows: readonly WaterRow[];
  readonly isAsTold: boolean;
  readonly setAsTold: (isAsTold: boolean) => void;
}) {
  const { rows, isAsTold, setAsTold } = props;
  const orphans = rows.filter(({ isOrphan }) => isOrphan).length;
  const shifted = rows.filter(({ shiftUs }) => shiftUs !== 0).length;
  return (
    <>
      {orphans > 0 && (
        <div class="notice">
          {orphans === 1 ? 'One span has a parent' : `${orphans} spans have parents`} that nobody has told of;
          they are marked.
        </div>
      )}
      {shifted > 0 && (
        <div class="notice">
          The clocks of {shifted} spans are behind their callers'; they are shown inside the call, marked with
          ⇥.{' '}
          <label>
            <input
              type="checkbox"
              checked={isAsTold}
              onChange={(event) => setAsTold(event.currentTarget.checked)}
            />{' '}
            as they were told
          </label>
        </div>
      )}
    </>
  );
}

function SpanRow(props: {
  readonly row: WaterRow;
  readonly at: number;
  readonly total: number;
  readonly isOn: boolean;
  readonly isCollapsed: boolean;
  readonly isAsTold: boolean;
  readonly toggle: (id: string) => void;
}) {
  const { span, depth, below, isOrphan } = props.row;
  const shiftUs = props.isAsTold ? 0 : props.row.shiftUs;
  const left = ((span.offsetUs + shiftUs) / props.total) * 100;
  const width = (span.durationUs / props.total) * 100;
  const isRight = left + width > 82;
  return (
    <div class={`row ${props.isOn ? 'on' : ''}`} style={{ top: `${props.at}px` }}>
      <div class="name" style={{ paddingLeft: `${8 + Math.min(depth, 24) * 12}px` }}>
        {below > 0 ? (
          <button
            type="button"
            aria-label={props.isCollapsed ? 'Expand' : 'Collapse'}
            onClick={() => props.toggle(span.spanId)}
          >
            {props.isCollapsed ? '▸' : '▾'}
          </button>
        ) : (
          <span style={{ width: '16px' }} />
        )}
        <i
          style={{
            background: colourOf(span.service),
            width: '8px',
            height: '8px',
            borderRadius: '2px',
            flex: 'none',
          }}
        />
        <button type="button" class="pick" onClick={() => setFilter('span', span.spanId)}>
          <b>{span.service}</b> {span.name}
        </button>
        {isOrphan && <span class="badge warn">missing parent</span>}
        {span.status === 2 && <span class="badge bad">error</span>}
      </div>
      <div class="track">
        <span
          class="bar"
          style={{
            left: `${left}%`,
            width: `${width}%`,
            background: span.status === 2 ? 'var(--bad)' : colourOf(span.service),
          }}
        />
        <span
          class="took"
          style={
            isRight
              ? { right: `${100 - left}%`, paddingRight: '6px' }
              : { left: `calc(${left + width}% + 6px)` }
          }
        >
          {shiftUs === 0 ? '' : '⇥ '}
          {milliseconds(span.durationUs / 1_000)}
        </span>
      </div>
    </div>
  );
}

function SpanView({ span }: { readonly span: Span }) {
  return (
    <Panel title={`${span.service}: ${span.name}`} right={<span class="mono">{span.spanId}</span>}>
      <dl class="facts">
        <dt>Took</dt>
        <dd>
          {milliseconds(span.durationUs / 1_000)}, from {milliseconds(span.offsetUs / 1_000)} on
        </dd>
        {span.statusMessage && (
          <>
            <dt>Error</dt>
            <dd style={{ color: 'var(--bad)' }}>{span.statusMessage}</dd>
          </>
        )}
        {Object.entries(span.attributes).flatMap(([name, value]) => [
          <dt key={name} class="mono">
            {name}
          </dt>,
          <dd key={`${name} value`} class="mono">
            {typeof value === 'object' ? JSON.stringify(value) : String(value)}
          </dd>,
        ])}
        {span.events.flatMap((event, index) => [
          <dt key={`event ${index}`}>{event.name}</dt>,
          <dd key={`event ${index} value`} class="mono">
            at {milliseconds(event.offsetUs / 1_000)} {JSON.stringify(event.attributes)}
          </dd>,
        ])}
        {span.links.flatMap((link, index) => [
          <dt key={`link ${index}`}>Linked</dt>,
          <dd key={`link ${index} value`}>
            <a class="mono" href={`/traces/${link.traceId}?span=${link.spanId}`}>
              {link.traceId}
            </a>
          </dd>,
        ])}
      </dl>
    </Panel>
  );
}
