import { escapeMarkup } from '@flotilla/kernel';

/** Text that is HTML already. */
export interface Html {
  readonly html: string;
}

type Part = string | number | Html | readonly Html[] | undefined | false;

/** Everything that is filled in is escaped, unless it is HTML itself. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: texts.reduce((all, text, at) => all + render(parts[at - 1]) + text) };
}

/** Of text that was made elsewhere as HTML. */
export function trusted(text: string): Html {
  return { html: text };
}

function render(part: Part): string {
  if (part === undefined || part === false) return '';
  if (typeof part === 'string' || typeof part === 'number') return escapeMarkup(String(part));
  return 'html' in part ? part.html : part.map((one) => one.html).join('');
}
