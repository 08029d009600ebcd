import { marked } from 'marked';
console.log(marked.parse('# A\n\n- *b* `c`\n  1. [d](http://e/ "f")\n\n| x | y |\n|:-|-:|\n| 1 | ~~2~~ |\n\n```js\nlet a = "<b>";\n```\n> q\n> > r\n\n<div>raw</div>\n'));
