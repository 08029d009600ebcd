import { addMonths, differenceInBusinessDays, eachWeekOfInterval, format, formatDistance, intervalToDuration, parse } from 'date-fns';
import { de } from 'date-fns/locale';
const d = new Date(2024, 1, 29, 13, 5, 7);
console.log(format(d, "PPPP 'um' HH:mm:ss", { locale: de }), format(addMonths(d, 12), 'yyyy-MM-dd'), formatDistance(d, addMonths(d, 5)));
console.log(differenceInBusinessDays(addMonths(d, 3), d), eachWeekOfInterval({ start: d, end: addMonths(d, 1) }).map((w) => format(w, 'I')), intervalToDuration({ start: d, end: addMonths(d, 17) }));
console.log(parse('31/12/1999 23:59', 'dd/MM/yyyy HH:mm', new Date(0)).getTime());
