return Vitrine.Cli.CommandLine.Run(args);
