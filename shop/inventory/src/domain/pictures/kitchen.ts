/**
 * Drawings on 100 × 100 by the words of a product's name. `a` and `b` are the paints of the thing, `c` is its dark one for
 * handles and lids, `d` its light one for labels and shine.
 */
export const kitchen: readonly (readonly [words: RegExp, drawing: string])[] = [
  [
    /dripper/i,
    '<path d="M22 26h52L60 56H38z" fill="a"/><path d="M72 32c14-2 14 18-6 16" fill="none" stroke="a" stroke-width="5"/><path d="M30 30h10l4 22h-4z" fill="d" opacity=".35"/><rect x="30" y="56" width="38" height="6" rx="3" fill="c"/><path d="M36 64h26v12a8 8 0 0 1-8 8H44a8 8 0 0 1-8-8z" fill="b"/><path d="M36 72h26v4a8 8 0 0 1-8 8H44a8 8 0 0 1-8-8z" fill="c" opacity=".75"/>',
  ],
  [
    /kettle/i,
    '<path d="M34 44h34l6 34a6 6 0 0 1-6 6H34a6 6 0 0 1-6-6z" fill="a"/><path d="M32 66C16 66 22 40 12 34" fill="none" stroke="a" stroke-width="5" stroke-linecap="round"/><path d="M66 50c22-4 22 26 6 26" fill="none" stroke="c" stroke-width="5" stroke-linecap="round"/><path d="M34 44c2-10 32-10 34 0z" fill="b"/><circle cx="51" cy="33" r="4" fill="c"/><path d="M38 50l-3 26" stroke="d" stroke-width="4" stroke-linecap="round" opacity=".5"/>',
  ],
  [
    /grinder/i,
    '<rect x="36" y="34" width="28" height="22" rx="3" fill="b"/><rect x="34" y="54" width="32" height="30" rx="5" fill="a"/><path d="M50 34V24h26" fill="none" stroke="c" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/><circle cx="78" cy="22" r="6" fill="c"/><rect x="40" y="60" width="5" height="18" rx="2.5" fill="d" opacity=".5"/>',
  ],
  [
    /espresso cups/i,
    '<g fill="a"><path d="M18 34h26v10a13 13 0 0 1-26 0z"/><path d="M54 52h26v10a13 13 0 0 1-26 0z"/></g><path d="M16 62h28v9a13 13 0 0 1-28 0z" fill="b"/><g fill="none" stroke="c" stroke-width="4"><path d="M44 37c9-1 9 12-1 11"/><path d="M80 55c9-1 9 12-1 11"/><path d="M44 65c9-1 9 12-1 11"/></g><g fill="c"><ellipse cx="31" cy="34" rx="13" ry="4"/><ellipse cx="67" cy="52" rx="13" ry="4"/><ellipse cx="30" cy="62" rx="14" ry="4"/></g>',
  ],
  [
    /french press/i,
    '<path d="M34 36h34v42a6 6 0 0 1-6 6H40a6 6 0 0 1-6-6z" fill="b" opacity=".85"/><path d="M36 56h30v20a6 6 0 0 1-6 6H42a6 6 0 0 1-6-6z" fill="c"/><path d="M30 30h40v8H30zM32 62h4v22h-4zM66 62h4v22h-4z" fill="a"/><path d="M51 30V14" stroke="c" stroke-width="4"/><circle cx="51" cy="13" r="5" fill="a"/><path d="M70 44c14 0 14 26 0 26" fill="none" stroke="a" stroke-width="5"/>',
  ],
  [
    /scale/i,
    '<rect x="16" y="50" width="68" height="28" rx="7" fill="a"/><rect x="20" y="40" width="60" height="9" rx="4" fill="c"/><rect x="50" y="58" width="26" height="12" rx="3" fill="c"/><text x="73" y="67.5" text-anchor="end" font-family="monospace" font-size="9" fill="d">18.0</text><circle cx="28" cy="64" r="4" fill="d" opacity=".7"/>',
  ],
  [
    /knife/i,
    '<g transform="rotate(-18 50 50)"><path d="M8 60 64 38v22z" fill="d"/><path d="M8 60 64 52v8z" fill="c" opacity=".3"/><rect x="62" y="36" width="5" height="25" rx="2" fill="b"/><rect x="66" y="39" width="30" height="15" rx="7" fill="a"/><g fill="d"><circle cx="75" cy="46.5" r="2"/><circle cx="87" cy="46.5" r="2"/></g></g>',
  ],
  [
    /\bboard\b/i,
    '<rect x="14" y="28" width="72" height="50" rx="7" fill="a"/><g fill="b"><path d="M32 28h14v50H32zM60 28h14v50H60z"/></g><rect x="20" y="34" width="60" height="38" rx="4" fill="none" stroke="c" stroke-width="2" opacity=".6"/><circle cx="76" cy="53" r="4" fill="c"/>',
  ],
  [
    /skillet/i,
    '<path d="M60 62 88 90" stroke="c" stroke-width="9" stroke-linecap="round"/><circle cx="44" cy="46" r="31" fill="c"/><circle cx="44" cy="46" r="24" fill="a"/><path d="M28 40a18 18 0 0 1 16-11" fill="none" stroke="d" stroke-width="4" stroke-linecap="round" opacity=".6"/>',
  ],
  [
    /casserole/i,
    '<path d="M20 46h60v24a12 12 0 0 1-12 12H32a12 12 0 0 1-12-12z" fill="a"/><path d="M18 46c4-18 60-18 64 0z" fill="b"/><rect x="15" y="43" width="70" height="6" rx="3" fill="c"/><rect x="43" y="24" width="14" height="8" rx="4" fill="c"/><path d="M18 56h-8v8h10M82 56h8v8H80" fill="none" stroke="a" stroke-width="5"/><path d="M28 54v16" stroke="d" stroke-width="4" stroke-linecap="round" opacity=".5"/>',
  ],
  [
    /salad/i,
    '<path d="M16 44h68c0 26-14 40-34 40S16 70 16 44z" fill="a"/><path d="M22 42c0-14 12-18 18-10 4-12 18-10 20 0 8-6 18 0 18 10z" fill="b"/><rect x="13" y="41" width="74" height="6" rx="3" fill="c"/><path d="M26 54c2 10 6 16 12 20" fill="none" stroke="d" stroke-width="4" stroke-linecap="round" opacity=".5"/>',
  ],
  [
    /towels/i,
    '<rect x="12" y="20" width="76" height="5" rx="2.5" fill="c"/><path d="M18 22h26v58H18z" fill="a"/><path d="M40 22h22v48H40z" fill="d"/><path d="M58 22h24v54H58z" fill="b"/><path d="M18 66h26M18 71h26M40 58h22M58 64h24M58 69h24" stroke="c" stroke-width="2" opacity=".6"/>',
  ],
  [
    /jars/i,
    '<g fill="b" opacity=".85"><rect x="14" y="36" width="30" height="48" rx="6"/><rect x="50" y="50" width="36" height="34" rx="6"/></g><path d="M17 54h24v24a4 4 0 0 1-4 4H21a4 4 0 0 1-4-4z" fill="a"/><path d="M53 64h30v14a4 4 0 0 1-4 4H57a4 4 0 0 1-4-4z" fill="c" opacity=".7"/><g fill="c"><rect x="12" y="28" width="34" height="9" rx="3"/><rect x="48" y="42" width="40" height="9" rx="3"/></g>',
  ],
  [
    /proofing/i,
    '<ellipse cx="50" cy="46" rx="36" ry="14" fill="c"/><path d="M14 46c2 26 14 36 36 36s34-10 36-36c-4 16-68 16-72 0z" fill="a"/><path d="M22 66c16 8 40 8 56 0M18 56c18 9 46 9 64 0M30 76c12 5 28 5 40 0" fill="none" stroke="b" stroke-width="3"/><path d="M22 44c4-14 52-14 56 0-8 8-48 8-56 0z" fill="d"/><path d="M40 38l8 5M50 36l8 5M60 38l6 4" stroke="a" stroke-width="2.5" stroke-linecap="round"/>',
  ],
  [
    /cruets/i,
    '<path d="M26 34h8v12c10 4 12 12 12 20v12a6 6 0 0 1-6 6H20a6 6 0 0 1-6-6V66c0-8 2-16 12-20z" fill="a"/><path d="M66 34h8v12c10 4 12 12 12 20v12a6 6 0 0 1-6 6H60a6 6 0 0 1-6-6V66c0-8 2-16 12-20z" fill="b"/><g fill="c"><rect x="25" y="22" width="10" height="12" rx="2"/><rect x="65" y="22" width="10" height="12" rx="2"/></g><path d="M20 62v14M60 62v14" stroke="d" stroke-width="4" stroke-linecap="round" opacity=".6"/>',
  ],
  [
    /teapot/i,
    '<path d="M26 42h44c10 8 12 38-4 42H30c-16-4-14-34-4-42z" fill="a"/><path d="M72 54c8-2 8-14 18-16-2 12-6 26-18 28z" fill="a"/><path d="M24 50c-18-2-18 26 0 24" fill="none" stroke="c" stroke-width="5"/><path d="M30 42c2-9 34-9 36 0z" fill="b"/><circle cx="48" cy="31" r="4.5" fill="c"/><path d="M32 54c-2 6-2 14 0 20" fill="none" stroke="d" stroke-width="4" stroke-linecap="round" opacity=".5"/>',
  ],
];
