using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Boot;
using Vitrine.Tests.Boot;
using Vitrine.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.Translator;

/// <summary>A few instructions in flat 64-bit or 32-bit code, in a machine of their own.</summary>
internal sealed class FlatGuest : IDisposable
{
    public const ulong Entry = 0x10_0000;
    public const ulong Data = 0x20_0000;

    private readonly TempFile _file;

    /// <summary>Assembles a guest and creates its machine.</summary>
    /// <param name="code">The guest's code.</param>
    /// <param name="bitness">64 or 32.</param>
    /// <param name="configure">Changes the configuration.</param>
    public FlatGuest(Action<Assembler> code, int bitness = 64, Func<MachineConfig, MachineConfig>? configure = null)
    {
        Code = Assemble(code, bitness);
        _file = new TempFile(Code);
        MachineConfig config = new()
        {
            Boot = new BootSource.Flat(_file.Path, new Gpa(Entry), Entry, bitness == 64 ? FlatMode.Long : FlatMode.Protected),
            Accelerator = AcceleratorChoice.Soft,
            Software = new SoftwareOptions { Engine = SoftwareEngine.Translator },
            MemoryBytes = 16 << 20,
        };
        Machine = VirtualMachine.Create(configure?.Invoke(config) ?? config);
    }

    /// <summary>Its bytes.</summary>
    public byte[] Code { get; }

    /// <summary>The machine.</summary>
    public VirtualMachine Machine { get; }

    /// <summary>The vCPU behind it.</summary>
    public SoftwareVcpu Vcpu => (SoftwareVcpu)Machine.GetTranslator(0)!;

    /// <summary>Ends a guest with a value.</summary>
    public static void Exit(Assembler a, byte value = 0)
    {
        a.mov(al, value);
        a.mov(dx, 0xF4);
        a.@out(dx, al);
    }

    /// <summary>Runs it to its end.</summary>
    public VmEnd Run()
    {
        Machine.Start();
        return Machine.Wait(TimeSpan.FromMinutes(2)) ?? throw new TimeoutException("The guest did not end.");
    }

    public void Dispose()
    {
        Machine.Dispose();
        _file.Dispose();
    }

    private static byte[] Assemble(Action<Assembler> code, int bitness)
    {
        Assembler assembler = new(bitness);
        code(assembler);
        using MemoryStream bytes = new();
        assembler.Assemble(new StreamCodeWriter(bytes), Entry);
        return bytes.ToArray();
    }
}
