import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { type ApiError, post } from './api.ts';
import { clock, colourOf, levelOf, toneOf } from './format.ts';
import type { LogLine } from './shapes.ts';

export function Badge({ state }: { readonly state: string }) {
  return <span class={`badge ${toneOf(state)}`}>{state}</span>;
}

export function Head(props: {
  readonly title: string;
  readonly sub?: string | undefined;
  readonly children?: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${props.title} · Flotilla`;
  }, [props.title]);
  return (
    <div class="head">
      <h1>{props.title}</h1>
      {props.sub && <span class="sub">{props.sub}</span>}
      <div class="right">{props.children}</div>
    </div>
  );
}

export function Panel(props: {
  readonly title: string;
  readonly right?: ComponentChildren;
  readonly children?: ComponentChildren;
}) {
  return (
    <section class="panel" aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        <div class="right">{props.right}</div>
      </header>
      {props.children}
    </section>
  );
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** What is not there, and why: the rest of the page is. */
export function Problem({
  error,
  isStale = false,
}: {
  readonly error: ApiError | undefined;
  readonly isStale?: boolean;
}) {
  if (error === undefined) return null;
  return (
    <div class={`notice ${isStale ? '' : 'bad'}`} role="status">
      {isStale ? `What is shown is the last answer: ${error.message}.` : error.message}
    </div>
  );
}

export function Missing({
  missing,
}: {
  readonly missing: readonly { readonly service: string; readonly why: string }[];
}) {
  if (missing.length === 0) return null;
  return (
    <div class="notice" role="status">
      Without {missing.map(({ service, why }) => `${service} (${why})`).join(', ')}.
    </div>
  );
}

/** What scrolls is moved by arrow keys, too: for that it has to have the focus. */
export const FOCUSABLE = { tabIndex: 0 } as const;

/** A table of whatever a query gave. Ids, states and times look as what they are. */
export function Rows(props: {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly link?: (id: string) => string;
  readonly empty?: string;
}) {
  const [first] = props.rows;
  if (first === undefined) return <Empty>{props.empty ?? 'None.'}</Empty>;
  const names = Object.keys(first);
  return (
    <div class="scroll" {...FOCUSABLE}>
      <table>
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name}>{wordsOf(name)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row, index) => (
            <tr key={String(row['id'] ?? index)}>
              {names.map((name) => (
                <td key={name} class={classOf(row[name])}>
                  {name === 'id' && props.link ? (
                    <a href={props.link(String(row[name]))}>{String(row[name])}</a>
                  ) : (
                    <Cell name={name} value={row[name]} />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** `createdAt` and `created_at` as people write it. */
export function wordsOf(name: string): string {
  return name
    .replaceAll('_', ' ')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase();
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

function classOf(value: unknown): string {
  if (typeof value === 'number') return 'tight';
  return typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value) ? 'mono tight' : '';
}

export function Cell({ name, value }: { readonly name: string; readonly value: unknown }) {
  if (value === null || value === undefined || value === '') return <span class="dim">–</span>;
  if (name === 'status' || name === 'state') return <Badge state={String(value)} />;
  if (typeof value === 'string' && ISO.test(value)) return <time dateTime={value}>{clock(value)}</time>;
  if (typeof value === 'string' && /^-?\d+\.\d{2,}$/.test(value)) return <>{Number(value).toFixed(2)}</>;
  if (typeof value === 'boolean') return <>{value ? 'yes' : 'no'}</>;
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return <>{value.join(' ')}</>;
  return <>{typeof value === 'object' ? JSON.stringify(value) : String(value)}</>;
}

export function Chips({
  services,
}: {
  readonly services: readonly { readonly service: string; readonly spans: number }[];
}) {
  return (
    <>
      {services.map(({ service, spans }) => (
        <span class="chip" key={service}>
          <i style={{ background: colourOf(service) }} />
          {service} <span class="dim">{spans}</span>
        </span>
      ))}
    </>
  );
}

export function Lines({ lines }: { readonly lines: readonly LogLine[] }) {
  if (lines.length === 0) return <Empty>No lines.</Empty>;
  return (
    <div class="log">
      {lines.map((line) => (
        <div key={line.id}>
          <time class="dim" dateTime={new Date(line.timeMs).toISOString()}>
            {clock(line.timeMs)}
          </time>
          <span class="chip">
            <i style={{ background: colourOf(line.service) }} />
            {line.service}
          </span>
          <span class={levelOf(line.severity)}>{levelOf(line.severity)}</span>
          <span class="wrap">
            {line.body} <span class="dim">{factsOf(line)}</span>
          </span>
          {line.traceId ? <a href={`/traces/${line.traceId}`}>trace</a> : <span />}
        </div>
      ))}
    </div>
  );
}

function factsOf({ attributes }: LogLine): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' ');
}

/** May whoever is signed in change anything? */
export const MayChange = createContext(false);

/** What changes something, for those who may. The server refuses others in any case. */
export function Operators({ children }: { readonly children: ComponentChildren }) {
  return useContext(MayChange) ? children : null;
}

export interface Change {
  readonly title: string;
  /** What comes of it, in one sentence. */
  readonly consequence: string;
  readonly path: string;
  readonly body: object;
  readonly isDanger?: boolean;
}

interface ChangeAnswer {
  readonly ok?: boolean;
  readonly refusal?: { readonly message: string };
  readonly status?: string;
  readonly said?: string;
  readonly count?: number;
  readonly left?: number;
  readonly refused?: readonly { readonly why: string }[];
}

function outcomeOf({ status, said, count, left = 0, refused = [] }: ChangeAnswer): string {
  if (said) return `Done: ${said}.`;
  if (status) return `Done: it is ${status}.`;
  if (count === undefined) return 'Done.';
  const more = left > 0 ? `; ${left} are left` : '';
  const others = refused.length > 0 ? `; ${refused.length} refused: ${refused[0]?.why}` : '';
  return `Done: ${count}${more}${others}.`;
}

/** Asks for the reason, which is recorded, and does it. */
export function ChangeDialog(props: {
  readonly change: Change | undefined;
  readonly close: (outcome?: string) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const { change } = props;
  useEffect(() => {
    if (change) dialog.current?.showModal();
    else dialog.current?.close();
    setReason('');
    setProblem('');
  }, [change]);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!change || isBusy) return;
    setBusy(true);
    try {
      const answer = await post<ChangeAnswer>(change.path, { ...change.body, reason });
      if (answer.ok === false) setProblem(answer.refusal?.message ?? 'It was refused.');
      else props.close(outcomeOf(answer));
    } catch (error) {
      setProblem((error as Error).message);
    }
    setBusy(false);
  };
  return (
    <dialog ref={dialog} aria-labelledby="change-title" onClose={() => props.close()}>
      {change && (
        <form onSubmit={submit}>
          <h2 id="change-title">{change.title}</h2>
          <p class="dim" style={{ margin: 0 }}>
            {change.consequence}
          </p>
          <label style={{ display: 'grid' }}>
            Why? It is recorded.
            <textarea
              required
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
              maxLength={500}
            />
          </label>
          {problem && (
            <div class="notice bad" role="alert">
              {problem}
            </div>
          )}
          <div class="buttons">
            <button type="button" onClick={() => props.close()}>
              Cancel
            </button>
            <button type="submit" class="primary" disabled={isBusy || reason.trim() === ''}>
              {change.title}
            </button>
          </div>
        </form>
      )}
    </dialog>
  );
}

/** A change that is being asked for, and what came of the last one. */
export function useChange(done: () => void) {
  const [change, setChange] = useState<Change>();
  const [outcome, setOutcome] = useState('');
  return {
    begin: (next: Change) => {
      setOutcome('');
      setChange(next);
    },
    view: (
      <>
        {outcome && (
          <div class="notice good" role="status">
            {outcome}
          </div>
        )}
        <ChangeDialog
          change={change}
          close={(text) => {
            setChange(undefined);
            if (text === undefined) return;
            setOutcome(text);
            done();
          }}
        />
      </>
    ),
  };
}
