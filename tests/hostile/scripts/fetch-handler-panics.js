// expect: error
fetch("http://h/panics").then(() => { throw new RangeError("came"); }, (e) => { if (e.name !== "Error") throw e; });
