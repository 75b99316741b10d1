import { useEffect } from 'react';

interface Props {
  /** Of the browser's tab; the shop's name is added. */
  readonly title: string;
  readonly description?: string;
  /** The path that stands for this page, whatever else is in its address; `undefined`: search engines stay away. */
  readonly canonical?: string;
}

/** What a page says about itself to browsers and search engines. */
export function PageHead({ title, description, canonical }: Props) {
  useEffect(() => {
    const meta = document.querySelector<HTMLMetaElement>('meta[name=description]');
    if (!meta || description === undefined) return;
    const general = meta.content;
    meta.content = description;
    return () => {
      meta.content = general;
    };
  }, [description]);
  return (
    <>
      <title>{`${title} · Flotilla`}</title>
      {canonical === undefined ? (
        <meta name="robots" content="noindex" />
      ) : (
        <link rel="canonical" href={new URL(canonical, location.origin).href} />
      )}
    </>
  );
}

/** Data for search engines. It is no program: browsers only store it. */
export function StructuredData({ data }: { data: Readonly<Record<string, unknown>> }) {
  // What begins a tag could end the element that it stands in.
  const text = JSON.stringify({ '@context': 'https://schema.org', ...data }).replaceAll('<', '\\u003c');
  return <script type="application/ld+json">{text}</script>;
}
