// expect: error
String({ toString() { return '' + this; } });
