import type { Order } from '../api/types.ts';
import { formatClock } from './time.ts';
import { COURSE, isOver, statusWords } from './words.ts';

/** How far an order has come, and when. News are read out as they come. */
export function Course({ order, isLive }: { order: Order; isLive: boolean }) {
  const at = new Map(order.history.map(({ status, at: time }) => [status, time]));
  const isCancelled = order.status === 'Cancelled';
  const steps = isCancelled ? [...COURSE.filter((status) => at.has(status)), 'Cancelled' as const] : COURSE;
  const current = steps.indexOf(order.status);
  return (
    <div className="course-place">
      <p className="visually-hidden" role="status">
        {statusWords(order.status)}
      </p>
      <ol className={`course course-${order.status}`}>
        {steps.map((status, index) => (
          <li
            key={status}
            className={index <= current ? 'is-done' : index === current + 1 ? 'is-next' : undefined}
            aria-current={index === current ? 'step' : undefined}
          >
            <span className="course-name">{statusWords(status)}</span>
            <span className="course-time">{timeOf(at.get(status))}</span>
          </li>
        ))}
      </ol>
      {!isOver(order.status) && (
        <p className="fine">{isLive ? 'Updates by itself' : 'Checking every other second'}</p>
      )}
    </div>
  );
}

function timeOf(at: string | undefined): string {
  return at === undefined ? '' : formatClock(at);
}
