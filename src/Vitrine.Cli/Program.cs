using Vitrine.Cli;
using Vitrine.Cli.Terminal;

// Before anything opens a file, which would take the number of a descriptor that is closed.
StandardDescriptors.Secure();
Libc.IgnoreFileSizeSignal();
return CommandLine.Run(args);
