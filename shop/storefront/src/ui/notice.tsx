import type { ReactNode } from 'react';

export type NoticeKind = 'info' | 'error' | 'success' | 'warning';

/** Said to screen readers as soon as it appears: a fault at once, the rest when there is a pause. */
export function Notice({ kind, title, children }: { kind: NoticeKind; title: string; children?: ReactNode }) {
  return (
    <div className={`notice notice-${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      <p className="notice-title">{title}</p>
      {children}
    </div>
  );
}
