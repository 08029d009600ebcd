const fine: number = 1;

export = fine;
