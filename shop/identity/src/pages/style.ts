import { createHash } from 'node:crypto';

/** One small sheet for all pages; light and dark, from 320 px up, without images and scripts. Its colours are the storefront's. */
export const STYLE = `
:root{color-scheme:light dark;--page:#f7f3ec;--card:#fffdf9;--text:#1c2624;--soft:#55605c;--line:#ddd3c3;--edge:#857a68;--accent:#0d5c5a;--on-accent:#fff;--accent-press:#08413f;--field:#fff;--bad:#a81f2d;--bad-page:#fbe3e3;--note-page:#dcebe6;--good:#1f6b3a;--shadow:0 1px 2px rgb(40 30 10/.08),0 12px 32px -16px rgb(40 30 10/.22)}
@media(prefers-color-scheme:dark){:root{--page:#10181b;--card:#182226;--text:#eef3f1;--soft:#a9b8b8;--line:#2c3a40;--edge:#7c919a;--accent:#6fd0c4;--on-accent:#06201f;--accent-press:#a4e6dc;--field:#0b1214;--bad:#ff9ea3;--bad-page:#3a1a1f;--note-page:#173331;--good:#7fd59b;--shadow:none}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;grid-template-rows:1fr auto;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:anywhere}
main{align-self:center;justify-self:center;width:100%;max-width:27rem;padding:1rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:1.75rem;padding:2.25rem 2rem;box-shadow:var(--shadow)}
.brand{display:flex;align-items:center;gap:.625rem;margin:0 0 1.5rem;font-weight:650;letter-spacing:-.01em}
.brand svg{width:2rem;height:2rem;flex:none}
h1{margin:0 0 .375rem;font:400 2rem/1.15 "Iowan Old Style","Palatino Linotype",Georgia,serif;letter-spacing:-.01em}
p{margin:0 0 1rem}
.lead{color:var(--soft);margin-bottom:1.5rem}
label{display:block;margin:0 0 .375rem;font-weight:550;font-size:.9375rem}
input[type=email],input[type=password],input[type=text]{width:100%;min-height:2.875rem;margin:0 0 1.125rem;padding:.5rem .75rem;font:inherit;color:inherit;background:var(--field);border:1px solid var(--edge);border-radius:.625rem}
input[aria-invalid=true]{border-color:var(--bad)}
input::placeholder{color:var(--soft);opacity:1}
button,.button{display:block;width:100%;min-height:2.875rem;padding:.5rem 1rem;font:inherit;font-weight:600;text-align:center;text-decoration:none;border:1px solid transparent;border-radius:2rem;cursor:pointer}
.primary{background:var(--accent);color:var(--on-accent)}
.primary:hover,.primary:active{background:var(--accent-press)}
.plain{margin-top:.625rem;background:transparent;color:var(--text);border-color:var(--edge)}
.plain:hover{border-color:var(--text)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.alert,.note{margin:0 0 1.25rem;padding:.75rem .875rem;border-radius:.625rem;font-size:.9375rem}
.alert{background:var(--bad-page);color:var(--bad);border:1px solid currentColor}
.note{background:var(--note-page)}
.who{display:flex;align-items:center;gap:.75rem;margin:0 0 1.25rem;padding:.75rem .875rem;border:1px solid var(--line);border-radius:.625rem}
.who span{display:grid;place-items:center;width:2.25rem;height:2.25rem;flex:none;border-radius:50%;background:var(--accent);color:var(--on-accent);font-weight:650}
.who b,.who small{display:block;line-height:1.35}
a:not(.button){color:var(--accent)}
.aside{margin:1rem 0 0;text-align:center;font-size:.9375rem}
form+form,.aside+form{margin-top:1rem}
form+.note{margin-top:1.25rem}
.card>:last-child{margin-bottom:0}
.qr{width:12rem;max-width:100%;margin:0 auto 1.25rem;padding:.75rem;background:#fff;border:1px solid var(--line);border-radius:.625rem}
.qr svg{display:block;width:100%;height:auto}
.status{margin:.625rem 0 0}
.rows li{display:flex;align-items:center;gap:.75rem;padding-left:0}
.rows li::before{content:none}
.rows li div{flex:1}
.rows .plain{width:auto;margin:0}
.codes{columns:2}
.codes li{padding:.375rem 0;border:0;break-inside:avoid}
.codes li::before{content:none}
@media(max-width:26rem){.codes{columns:1}}
button:disabled{opacity:.6;cursor:progress}
li small{display:block}
small{color:var(--soft);font-size:.875rem}
ul{margin:0 0 1.5rem;padding:0;list-style:none;border-top:1px solid var(--line)}
li{padding:.75rem 0 .75rem 1.75rem;border-bottom:1px solid var(--line);position:relative}
li::before{content:"";position:absolute;left:.25rem;top:1.1rem;width:.75rem;height:.4rem;border-left:2px solid var(--good);border-bottom:2px solid var(--good);transform:rotate(-45deg)}
li b{display:block;font-weight:550}
code{font:.875em ui-monospace,SFMono-Regular,Menlo,monospace}
details{margin-top:1.25rem;color:var(--soft);font-size:.875rem}
summary{cursor:pointer}
footer{padding:0 1rem 1.25rem;text-align:center;color:var(--soft);font-size:.8125rem}
@media(max-width:26rem){main{padding:.5rem;align-self:start}.card{padding:1.5rem 1.125rem;border-radius:.75rem}}
@media(forced-colors:active){.card,.who,button,.button{border-color:CanvasText}}
@media(prefers-reduced-motion:no-preference){button,.button{transition:background-color .12s,border-color .12s}}
`.trim();

/** Lets this sheet in and no other. */
export const STYLE_HASH: string = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;
