"""What every layer stands on: compilation, random streams, threads, vector code, checks, files. Inner API."""
