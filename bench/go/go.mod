module millrace/bench

go 1.19
