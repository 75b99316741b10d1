import { escapeMarkup } from '@flotilla/kernel';
import type { Language } from './language.ts';
import { GERMAN } from './words/de.ts';
import { ENGLISH } from './words/en.ts';
import type { Words } from './words/words.ts';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** The same as a page, for programs that show such. */
  readonly html: string;
}

/** One part of a letter. Nothing in it is markup: names and products are written by others. */
export type Block =
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'lines'; readonly title?: string; readonly lines: readonly string[] }
  | { readonly kind: 'link'; readonly url: string };

export interface Letter {
  readonly to: string;
  readonly name: string | undefined;
  readonly subject: string;
  readonly blocks: readonly Block[];
  /** One that its recipient may choose not to get says where. */
  readonly isOptional?: boolean;
}

export const paragraph = (text: string): Block => ({ kind: 'paragraph', text });

const WORDS: Readonly<Record<Language, Words>> = { en: ENGLISH, de: GERMAN };

export function wordsOf(language: Language): Words {
  return WORDS[language];
}

/** The letter as it is sent: once as text, once as a page with the same content, which loads nothing from anywhere. */
export function writeMail(
  { to, name, subject, blocks, isOptional = false }: Letter,
  language: Language,
): Mail {
  const words = wordsOf(language);
  const greeting = words.greeting(name === undefined ? undefined : oneLine(name));
  const all = [
    paragraph(greeting),
    ...blocks,
    paragraph(words.signature),
    ...(isOptional ? [paragraph(words.choice)] : []),
  ];
  const line = oneLine(subject);
  const text = `${all.map(asText).join('\n\n')}\n`;
  return { to, subject: line, text, html: page(line, language, all.map(asHtml).join('\n')) };
}

function asText(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return oneLine(block.text);
    case 'lines':
      return [
        ...(block.title === undefined ? [] : [oneLine(block.title)]),
        ...block.lines.map((line) => `  ${oneLine(line)}`),
      ].join('\n');
    case 'link':
      return oneLine(block.url);
  }
}

function asHtml(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p>${escapeHtml(block.text)}</p>`;
    case 'lines':
      return [
        ...(block.title === undefined ? [] : [`<p><b>${escapeHtml(block.title)}</b></p>`]),
        `<ul>${block.lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`,
      ].join('\n');
    case 'link':
      return isWebAddress(block.url)
        ? `<p><a href="${escapeHtml(block.url)}">${escapeHtml(block.url)}</a></p>`
        : `<p>${escapeHtml(block.url)}</p>`;
  }
}

function page(title: string, language: Language, body: string): string {
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>
<body style="font-family: sans-serif; max-width: 40em">
${body}
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return escapeMarkup(oneLine(text));
}

/** A link that does something else than to open a page is no link. */
function isWebAddress(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

/** What others have written must not be able to start a line of its own in our mail. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
