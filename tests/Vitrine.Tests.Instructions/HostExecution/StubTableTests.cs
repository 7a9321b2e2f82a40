using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.HostExecution;
using Xunit;

namespace Vitrine.Tests.Software.HostExecution;

/// <summary>The table of stubs by itself.</summary>
public sealed unsafe class StubTableTests
{
    public StubTableTests() => Assert.SkipUnless(SoftwareAccelerator.HostHasTranslator, "machine code of another host");

    /// <summary>4096 forms of one instruction, where there is room for 2048: each is there when it is asked for.</summary>
    [Fact]
    public void MoreStubsThanThereIsRoomFor()
    {
        const int Registers = 16;
        HostFrame frame = default;
        using StubTable table = new(&frame);
        ulong asked = 0;
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < Registers * Registers * Registers; i++)
            {
                Register first = Register.YMM0 + (i % Registers);
                Register second = Register.YMM0 + (i / Registers % Registers);
                Register third = Register.YMM0 + (i / Registers / Registers);
                Instruction instruction = Instruction.Create(Code.VEX_Vpaddd_ymm_ymm_ymmm256, first, second, third);
                Assert.True(StubKey.TryCreate(instruction, out StubKey key));
                HostStub* stub = table.Get(key);
                Assert.True(stub != null && stub->Key == key && stub->Entry != null);
                Assert.True(table.Get(key) == stub);
                asked++;
            }
        }

        Assert.Equal(asked, table.Built);
        Assert.InRange(table.Flushes, 2UL, asked / 1000);
    }
}
